//! Compressed data for the tests.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::{DeflateEncoder, GzEncoder, ZlibEncoder};

/// What servers send, of which there are two kinds of `deflate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Gzip,
    Zlib,
    RawDeflate,
    Brotli,
    Zstd,
}

impl Coding {
    pub(crate) const ALL: [Self; 5] = [
        Self::Gzip,
        Self::Zlib,
        Self::RawDeflate,
        Self::Brotli,
        Self::Zstd,
    ];

    /// Its name in a response's head.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zlib | Self::RawDeflate => "deflate",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }
}

/// Compresses something.
pub(crate) fn coded(coding: Coding, plain: impl AsRef<[u8]>) -> Vec<u8> {
    let plain = plain.as_ref();
    let level = Compression::default();
    match coding {
        Coding::Gzip => all(GzEncoder::new(plain, level)),
        Coding::Zlib => all(ZlibEncoder::new(plain, level)),
        Coding::RawDeflate => all(DeflateEncoder::new(plain, level)),
        Coding::Brotli => {
            let mut writer = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 20);
            writer.write_all(plain).expect("a vector takes everything");
            writer.into_inner()
        }
        Coding::Zstd => {
            let mut encoder = zstd::Encoder::new(Vec::new(), 3).expect("the level is valid");
            encoder.include_checksum(true).expect("it can");
            encoder.write_all(plain).expect("a vector takes everything");
            encoder.finish().expect("a vector takes everything")
        }
    }
}

fn all(mut encoder: impl Read) -> Vec<u8> {
    let mut coded = Vec::new();
    let read = encoder.read_to_end(&mut coded);
    read.expect("memory can be read");
    coded
}

/// Text of a length that compresses neither badly nor too well.
pub(crate) fn text(length: usize) -> String {
    let mut text = String::new();
    let mut number = 1_u32;
    while text.len() < length {
        number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text.push_str(&format!("{} ", number >> 20));
    }
    text.truncate(length);
    text
}
