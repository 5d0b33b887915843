use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::{DeflateEncoder, GzEncoder, ZlibEncoder};
use proptest::prelude::*;

use super::*;

fn all(mut encoder: impl Read) -> Vec<u8> {
    let mut coded = Vec::new();
    encoder.read_to_end(&mut coded).unwrap();
    coded
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    all(GzEncoder::new(plain, Compression::default()))
}

fn brotli(plain: &[u8]) -> Vec<u8> {
    let mut writer = ::brotli::CompressorWriter::new(Vec::new(), 4096, 5, 20);
    writer.write_all(plain).unwrap();
    writer.into_inner()
}

fn zstd(plain: &[u8]) -> Vec<u8> {
    let mut encoder = ::zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

/// The same bytes by every coding, `deflate` of both kinds among them, and by two on top of each other.
fn every_way(plain: &[u8]) -> Vec<(Vec<Coding>, Vec<u8>)> {
    let level = Compression::default();
    vec![
        (vec![Coding::Gzip], gzip(plain)),
        (vec![Coding::Deflate], all(ZlibEncoder::new(plain, level))),
        (
            vec![Coding::Deflate],
            all(DeflateEncoder::new(plain, level)),
        ),
        (vec![Coding::Brotli], brotli(plain)),
        (vec![Coding::Zstd], zstd(plain)),
        (vec![Coding::Zstd, Coding::Gzip], zstd(&gzip(plain))),
        (vec![Coding::Gzip, Coding::Brotli], gzip(&brotli(plain))),
    ]
}

/// Decodes pieces to their end: what came out, and what was wrong in the end.
fn decode<'a>(
    codings: &[Coding],
    limit: Option<u64>,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<u8>, Option<DecodeError>) {
    let mut decoder = Decoder::new(codings, limit).unwrap();
    let mut plain = Vec::new();
    for piece in pieces {
        decoder.feed(Bytes::copy_from_slice(piece));
        loop {
            match decoder.decode() {
                Ok(Decoded::Piece { data, .. }) => plain.extend_from_slice(&data),
                Ok(Decoded::Starved) => break,
                Ok(Decoded::Busy) => {}
                Err(error) => return (plain, Some(error)),
            }
        }
    }
    assert_eq!(decoder.decoded(), plain.len() as u64);
    (plain, decoder.finish().err())
}

fn in_two(coded: &[u8], at: usize) -> [&[u8]; 2] {
    let (before, after) = coded.split_at(at);
    [before, after]
}

fn text(length: usize) -> Vec<u8> {
    let numbers = (1_u32..).map(|n| n.wrapping_mul(2_654_435_761) >> 22);
    let mut text: Vec<u8> = numbers
        .flat_map(|n| format!("{n} ").into_bytes())
        .take(length)
        .collect();
    text.truncate(length);
    text
}

#[test]
fn split_at_every_byte_it_comes_out_the_same() {
    let plain = text(700);
    for (codings, coded) in every_way(&plain) {
        for at in 0..=coded.len() {
            let (out, error) = decode(&codings, None, in_two(&coded, at));
            assert_eq!((out == plain, error), (true, None), "{codings:?} at {at}");
        }
        let (out, error) = decode(&codings, None, coded.chunks(1));
        assert_eq!(
            (out == plain, error),
            (true, None),
            "{codings:?} by the byte"
        );
    }
}

#[test]
fn cut_off_at_every_byte_it_says_so() {
    let plain = text(300);
    for (codings, coded) in every_way(&plain) {
        for at in 1..coded.len() {
            let (out, error) = decode(&codings, None, [&coded[..at]]);
            let error = error.unwrap_or_else(|| panic!("{codings:?} cut off at {at} passes"));
            assert!(error.is_truncated(), "{codings:?} at {at}: {error}");
            assert_eq!(error.position(), at as u64, "{codings:?}");
            assert!(plain.starts_with(&out), "{codings:?} at {at}");
        }
    }
}

#[test]
fn a_flaw_is_at_the_same_place_however_the_data_is_split() {
    let plain = text(600);
    let single = every_way(&plain);
    let single = single.into_iter().filter(|(codings, _)| codings.len() == 1);
    for (codings, coded) in single {
        let mut flaws = 0;
        for bad in (0..coded.len()).step_by(7) {
            let mut coded = coded.clone();
            coded[bad] ^= 0x55;
            let (out, error) = decode(&codings, None, [&coded[..]]);
            let (out_by_the_byte, error_by_the_byte) = decode(&codings, None, coded.chunks(1));
            let positions = (
                error.as_ref().map(DecodeError::position),
                error_by_the_byte.as_ref().map(DecodeError::position),
            );
            match positions {
                (Some(one), Some(other)) if codings == [Coding::Brotli] => {
                    assert!(one.abs_diff(other) <= 256, "bad at {bad}: {one} or {other}");
                }
                // Not every byte matters to every coding.
                (None, None) => assert_eq!(out, out_by_the_byte, "{codings:?} bad at {bad}"),
                _ => assert_eq!(error, error_by_the_byte, "{codings:?} bad at {bad}"),
            }
            flaws += usize::from(error.is_some());
        }
        assert!(flaws > 5, "{codings:?}: {flaws} flaws were found");
    }
}

#[test]
fn data_that_is_no_deflate_from_its_first_byte_on_is_so_however_it_is_split() {
    let gzip = b"\x1f\x8b\x08\0";
    for size in 1..=gzip.len() {
        let (out, error) = decode(&[Coding::Deflate], None, gzip.chunks(size));
        assert!(out.is_empty());
        assert_eq!(error.unwrap().position(), 0, "in pieces of {size}");
    }
}

#[test]
fn what_was_decoded_before_a_flaw_is_the_same_however_the_data_is_split() {
    let plain = text(600);
    let known = [[Coding::Gzip], [Coding::Deflate]];
    for (codings, coded) in every_way(&plain) {
        if !known.iter().any(|known| codings == known) {
            continue;
        }
        for bad in (20..200).step_by(7) {
            let mut coded = coded.clone();
            coded[bad] ^= 0x55;
            let (out, _) = decode(&codings, None, [&coded[..]]);
            let (out_by_the_byte, _) = decode(&codings, None, coded.chunks(1));
            assert_eq!(out, out_by_the_byte, "{codings:?} bad at {bad}");
        }
    }
}

#[test]
fn the_head_of_a_gzip_member_may_have_everything() {
    let plain = b"hello";
    let mut encoder = flate2::GzBuilder::new()
        .extra([7; 300])
        .filename("name")
        .comment("a comment")
        .write(Vec::new(), Compression::default());
    encoder.write_all(plain).unwrap();
    let mut coded = encoder.finish().unwrap();
    // flate2 writes no checksum of the head; it goes behind the comment.
    let head = 10 + 2 + 300 + 5 + 10;
    coded[3] |= 2;
    let mut crc = flate2::Crc::new();
    crc.update(&coded[..head]);
    let sum = crc.sum().to_le_bytes();
    coded.splice(head..head, [sum[0], sum[1]]);
    let gzip = [Coding::Gzip];
    assert_eq!(decode(&gzip, None, coded.chunks(1)), (plain.to_vec(), None));

    coded[head + 1] ^= 1;
    let error = decode(&gzip, None, [&coded[..]]).1.unwrap();
    assert_eq!(error.position(), head as u64 + 1);
    assert!(
        error.to_string().contains("checksum of its head"),
        "{error}"
    );
}

#[test]
fn a_wrong_checksum_and_a_wrong_size_are_told_at_their_place() {
    let coded = gzip(b"hello");
    let foot = coded.len() - 8;
    for (offset, says) in [(0, "checksum"), (5, "size")] {
        let mut coded = coded.clone();
        coded[foot + offset] ^= 1;
        let (out, error) = decode(&[Coding::Gzip], None, [&coded[..]]);
        let error = error.unwrap();
        assert_eq!(out, b"hello");
        assert_eq!(error.position(), (foot + offset / 4 * 4) as u64);
        assert!(error.to_string().contains(says), "{error}");
    }
}

#[test]
fn a_zstd_window_of_more_than_eight_megabytes_is_refused() {
    let mut encoder = ::zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.window_log(24).unwrap();
    encoder.write_all(&text(100)).unwrap();
    let coded = encoder.finish().unwrap();
    let error = decode(&[Coding::Zstd], None, [&coded[..]]).1.unwrap();
    assert!(error.to_string().contains("memory"), "{error}");
}

#[test]
fn any_number_of_empty_members_gives_others_their_turn() {
    let empty = gzip(b"");
    let many = empty.repeat(MAX_STEPS);
    let mut decoder = Decoder::new(&[Coding::Gzip], None).unwrap();
    decoder.feed(many.into());
    assert_eq!(decoder.decode(), Ok(Decoded::Busy));
    while decoder.decode() == Ok(Decoded::Busy) {}
    assert_eq!(decoder.decode(), Ok(Decoded::Starved));
    assert_eq!(decoder.finish(), Ok(()));
}

#[test]
fn the_limit_holds_within_codings_on_top_of_each_other() {
    let bomb = gzip(&gzip(&vec![0; 1_000_000]));
    let (out, error) = decode(&[Coding::Gzip, Coding::Gzip], Some(1000), [&bomb[..]]);
    assert_eq!(out, [0; 1000]);
    assert!(error.unwrap().is_too_long());
}

proptest! {
    #[test]
    fn whatever_was_coded_comes_out_again_however_it_is_split(
        plain in prop::collection::vec(any::<u8>(), 0..3000),
        sizes in prop::collection::vec(1_usize..400, 1..20),
    ) {
        for (codings, coded) in every_way(&plain) {
            let mut rest = &coded[..];
            let mut sizes = sizes.iter().cycle();
            let pieces = std::iter::from_fn(|| {
                let size = rest.len().min(*sizes.next()?);
                let (piece, after) = rest.split_at(size);
                rest = after;
                (!piece.is_empty()).then_some(piece)
            });
            prop_assert_eq!(decode(&codings, None, pieces), (plain.clone(), None));
        }
    }

    #[test]
    fn garbage_ends_in_an_error_at_a_place_within_it_or_in_nothing(
        garbage in prop::collection::vec(any::<u8>(), 1..500),
        limit in prop::option::of(0_u64..2000),
    ) {
        for coding in [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd] {
            let (out, error) = decode(&[coding], limit, garbage.chunks(50));
            prop_assert!(limit.is_none_or(|limit| out.len() as u64 <= limit));
            if let Some(error) = error {
                prop_assert!(error.position() <= garbage.len() as u64);
            }
        }
    }
}
