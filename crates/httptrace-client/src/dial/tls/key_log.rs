//! The secrets of TLS sessions in a file, for whoever wants to read the bytes on the wire (`SSLKEYLOGFILE`).

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rustls::KeyLog;

/// A file that secrets are appended to, in the format of NSS, which Wireshark reads.
#[derive(Debug)]
pub(crate) struct KeyLogFile {
    file: Mutex<File>,
}

impl KeyLogFile {
    /// Opens the file; a new one can be read by its owner alone.
    pub(crate) fn append_to(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        Ok(Self {
            file: Mutex::new(options.open(path)?),
        })
    }
}

impl KeyLog for KeyLogFile {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let line = line(label, client_random, secret);
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        // In one piece, since other programs may append to the same file. What cannot be written is lost: a session
        // does not fail for it.
        let _ = file.write_all(line.as_bytes());
    }
}

fn line(label: &str, client_random: &[u8], secret: &[u8]) -> String {
    let mut line = format!("{label} ");
    let hex = |line: &mut String, bytes: &[u8]| {
        for byte in bytes {
            // Writing to a string does not fail.
            let _ = write!(line, "{byte:02x}");
        }
    };
    hex(&mut line, client_random);
    line.push(' ');
    hex(&mut line, secret);
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_label_and_both_values_in_hex() {
        assert_eq!(
            line("CLIENT_RANDOM", &[0, 255], &[1]),
            "CLIENT_RANDOM 00ff 01\n"
        );
    }

    #[test]
    fn lines_are_appended_and_a_new_file_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        for label in ["A", "B"] {
            KeyLogFile::append_to(&path).unwrap().log(label, &[1], &[2]);
        }
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "A 01 02\nB 01 02\n"
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
