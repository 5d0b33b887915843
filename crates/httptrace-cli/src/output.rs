//! Where text goes: stdout, stderr or a file, flushed at once, with its first failure remembered.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anstream::{AutoStream, ColorChoice};
use tokio::sync::watch;

use crate::exit::Exit;

/// A place to print to. Clones print to the same place, from any task; each text arrives whole.
///
/// Printing never fails where it is called. After its first failure nothing is printed any more, and whoever decides
/// how the program goes on watches [`failed`](Self::failed).
#[derive(Clone)]
pub(crate) struct Output(Arc<Place>);

struct Place {
    name: String,
    color: bool,
    width: Option<u16>,
    writer: Mutex<Box<dyn Write + Send>>,
    failure: watch::Sender<Option<Failure>>,
}

/// Why nothing can be printed any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Whoever read it has had enough: no failure of ours.
    BrokenPipe,
    Other(String),
}

impl Output {
    pub(crate) fn stdout() -> Self {
        let stdout = io::stdout();
        let choice = AutoStream::choice(&stdout);
        let size = terminal_size::terminal_size_of(&stdout);
        Self::terminal("stdout", AutoStream::new(stdout, choice), choice, size)
    }

    pub(crate) fn stderr() -> Self {
        let stderr = io::stderr();
        let choice = AutoStream::choice(&stderr);
        let size = terminal_size::terminal_size_of(&stderr);
        Self::terminal("stderr", AutoStream::new(stderr, choice), choice, size)
    }

    /// Begins a file anew.
    pub(crate) fn file(path: &Path) -> io::Result<Self> {
        let file = File::create(path)?;
        Ok(Self::new(path.display().to_string(), file, false, None))
    }

    /// `choice` was made by NO_COLOR, CLICOLOR, CLICOLOR_FORCE, TERM, and by whether it is a terminal.
    fn terminal(
        name: &str,
        stream: impl Write + Send + 'static,
        choice: ColorChoice,
        size: Option<(terminal_size::Width, terminal_size::Height)>,
    ) -> Self {
        let color = choice != ColorChoice::Never;
        let width = size.map(|(width, _)| width.0);
        Self::new(name.to_owned(), stream, color, width)
    }

    fn new(
        name: String,
        writer: impl Write + Send + 'static,
        color: bool,
        width: Option<u16>,
    ) -> Self {
        Self(Arc::new(Place {
            name,
            color,
            width,
            writer: Mutex::new(Box::new(writer)),
            failure: watch::Sender::new(None),
        }))
    }

    /// Whether color is shown there.
    pub(crate) fn color(&self) -> bool {
        self.0.color
    }

    /// Columns, if it is a terminal.
    pub(crate) fn width(&self) -> Option<u16> {
        self.0.width
    }

    /// Prints and flushes.
    pub(crate) fn print(&self, text: &str) {
        let mut writer = self.0.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if self.failure().is_some() {
            return;
        }
        let printed = writer.write_all(text.as_bytes());
        if let Err(error) = printed.and_then(|()| writer.flush()) {
            let failure = match error.kind() {
                io::ErrorKind::BrokenPipe => Failure::BrokenPipe,
                _ => Failure::Other(format!("cannot write to {}: {error}", self.0.name)),
            };
            self.0.failure.send_replace(Some(failure));
        }
    }

    /// The first failure, if there was one.
    pub(crate) fn failure(&self) -> Option<Failure> {
        self.0.failure.borrow().clone()
    }

    /// Waits for the first failure.
    pub(crate) async fn failed(&self) -> Failure {
        let mut failure = self.0.failure.subscribe();
        loop {
            if let Some(failure) = &*failure.borrow_and_update() {
                return failure.clone();
            }
            // It cannot close: this handle has the sender.
            if failure.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

impl Failure {
    /// How the program ends because of it.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::BrokenPipe => Exit::Done,
            Self::Other(_) => Exit::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes a few bytes, then fails.
    struct Failing {
        room: usize,
        kind: io::ErrorKind,
    }

    impl Write for Failing {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if bytes.len() > self.room {
                return Err(self.kind.into());
            }
            self.room -= bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn failing(kind: io::ErrorKind) -> Output {
        Output::new("there".to_owned(), Failing { room: 4, kind }, false, None)
    }

    #[tokio::test]
    async fn a_broken_pipe_ends_the_program_with_success() {
        let output = failing(io::ErrorKind::BrokenPipe);
        output.print("four");
        assert_eq!(output.failure(), None);
        output.print("more");
        let failure = output.failed().await;
        assert_eq!(failure, Failure::BrokenPipe);
        assert_eq!(failure.exit(), Exit::Done);
    }

    #[tokio::test]
    async fn another_failure_is_named_and_whoever_waits_is_told() {
        let output = failing(io::ErrorKind::StorageFull);
        let printing = async { output.print("too much") };
        let (failure, ()) = tokio::join!(output.failed(), printing);
        let Failure::Other(message) = &failure else {
            panic!("{failure:?}");
        };
        assert!(message.starts_with("cannot write to there: "), "{message}");
        assert_eq!(failure.exit(), Exit::Failed);
    }

    #[test]
    fn a_file_is_begun_anew_and_has_no_color() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out");
        std::fs::write(&path, "old and long").unwrap();
        let output = Output::file(&path).unwrap();
        output.print("new");
        assert!(!output.color());
        assert_eq!(output.width(), None);
        assert_eq!(std::fs::read_to_string(path).unwrap(), "new");
    }
}
