//! `-d` and `--data-binary`: the request's body.

use std::fs;
use std::io::{self, Read};

use bytes::Bytes;

use super::UsageError;

/// Reads the pieces and joins them by `&`. `keep_line_breaks` is what tells `--data-binary` from `-d`.
///
/// Absent if there are no pieces.
pub(super) fn read(pieces: &[String], keep_line_breaks: bool) -> Result<Option<Bytes>, UsageError> {
    if pieces.is_empty() {
        return Ok(None);
    }
    let mut body = Vec::new();
    for (index, piece) in pieces.iter().enumerate() {
        if index > 0 {
            body.push(b'&');
        }
        match piece.strip_prefix('@') {
            None => body.extend_from_slice(piece.as_bytes()),
            Some(file) => {
                let mut content = read_file(file)?;
                if !keep_line_breaks {
                    // What curl drops.
                    content.retain(|byte| !matches!(byte, b'\r' | b'\n' | 0));
                }
                body.append(&mut content);
            }
        }
    }
    Ok(Some(body.into()))
}

fn read_file(name: &str) -> Result<Vec<u8>, UsageError> {
    if name == "-" {
        let mut content = Vec::new();
        return match io::stdin().lock().read_to_end(&mut content) {
            Ok(_) => Ok(content),
            Err(error) => Err(UsageError::new(
                format!("cannot read the body from stdin: {error}"),
                "@- reads what is piped into httptrace",
            )),
        };
    }
    fs::read(name).map_err(|error| {
        UsageError::new(
            format!("cannot read the body from '{name}': {error}"),
            "@NAME reads a file; for text that starts with @, put it into a file",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    #[test]
    fn pieces_are_joined_by_ampersands() {
        let body = read(&pieces(&["a=1", "b=2", ""]), false).unwrap();
        assert_eq!(body.unwrap(), "a=1&b=2&");
        assert_eq!(read(&[], false), Ok(None));
    }

    #[test]
    fn files_lose_their_line_breaks_unless_they_are_binary() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("body");
        fs::write(&path, "a\r\nb\0\n").unwrap();
        let pieces = pieces(&["x", &format!("@{}", path.display())]);
        assert_eq!(read(&pieces, false).unwrap().unwrap(), "x&ab");
        assert_eq!(read(&pieces, true).unwrap().unwrap(), "x&a\r\nb\0\n");
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = read(&pieces(&["@no/such/file"]), false).unwrap_err();
        assert!(error.message.contains("'no/such/file'"), "{error:?}");
    }
}
