//! What becomes of the body of a response.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

use crate::options::{BodyOutput, UsageError};

/// Takes a body.
pub(super) enum BodySink {
    Dropped,
    Stdout,
    File(BodyFile),
}

/// A file that is kept as it is until there is something to put into it.
pub(super) struct BodyFile {
    path: PathBuf,
    file: File,
    /// It did not exist before.
    is_new: bool,
    begun: bool,
}

impl BodySink {
    /// Makes sure that the file can be written, before anything is sent.
    pub(super) fn open(output: Option<&BodyOutput>) -> Result<Self, UsageError> {
        Ok(match output {
            None => Self::Dropped,
            Some(BodyOutput::Stdout) => Self::Stdout,
            Some(BodyOutput::File(path)) => {
                Self::File(BodyFile::open(path.clone()).map_err(|error| {
                    UsageError::new(
                        format!("cannot write --output '{}': {error}", path.display()),
                        "choose a file in a directory that exists and is yours to write to",
                    )
                })?)
            }
        })
    }

    /// A response has come: what was in the file before goes.
    pub(super) fn begin(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.begin(),
            Self::Dropped | Self::Stdout => Ok(()),
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Dropped => Ok(()),
            Self::Stdout => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(bytes)?;
                stdout.flush()
            }
            Self::File(file) => file.file.write_all(bytes),
        }
    }

    /// Where the bytes go, for a message.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Dropped | Self::Stdout => "stdout".to_owned(),
            Self::File(file) => format!("'{}'", file.path.display()),
        }
    }
}

impl BodyFile {
    fn open(path: PathBuf) -> io::Result<Self> {
        let is_new = !path.exists();
        let mut options = OpenOptions::new();
        let file = options
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)?;
        Ok(Self {
            path,
            file,
            is_new,
            begun: false,
        })
    }

    fn begin(&mut self) -> io::Result<()> {
        self.begun = true;
        // A device or a pipe has no length to set.
        if self.file.metadata()?.is_file() {
            self.file.set_len(0)?;
        }
        Ok(())
    }
}

impl Drop for BodyFile {
    /// Without a response there is no file that was not there before.
    fn drop(&mut self) {
        if self.is_new && !self.begun {
            // If it cannot be removed an empty file stays behind: not worth a message beside the one about the call.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sink(path: &std::path::Path) -> BodySink {
        let output = BodyOutput::File(path.to_owned());
        BodySink::open(Some(&output)).unwrap()
    }

    #[test]
    fn an_old_file_is_kept_until_a_response_comes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("body");
        fs::write(&path, "the old content").unwrap();
        drop(sink(&path));
        assert_eq!(fs::read_to_string(&path).unwrap(), "the old content");

        let mut sink = sink(&path);
        sink.begin().unwrap();
        sink.write(b"new").unwrap();
        drop(sink);
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    }

    #[test]
    fn a_new_file_stays_only_if_a_response_came() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("body");
        drop(sink(&path));
        assert!(!path.exists());
        sink(&path).begin().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "");
    }

    #[test]
    fn a_file_that_cannot_be_written_is_wrong_usage() {
        let output = BodyOutput::File("no/such/dir/file".into());
        let error = BodySink::open(Some(&output)).err().unwrap();
        assert!(error.message.contains("'no/such/dir/file'"), "{error:?}");
    }
}
