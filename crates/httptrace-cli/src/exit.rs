//! Exit codes: decided here and nowhere else.

use httptrace::Phase;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything was traced to its end, whatever the status was.
    Done,
    /// The command line cannot be carried out as it is.
    Usage,
    /// No connection was had.
    NoConnection,
    /// It failed after connecting.
    Failed,
    /// A deadline passed.
    TimedOut,
    /// Ctrl-C.
    Interrupted,
    /// Asked to end by `SIGTERM`.
    #[cfg(unix)]
    Terminated,
}

impl Exit {
    /// The code for the shell.
    pub(crate) fn code(self) -> i32 {
        match self {
            Self::Done => 0,
            Self::Usage => 2,
            Self::NoConnection => 3,
            Self::Failed => 4,
            Self::TimedOut => 5,
            // 128 + SIGINT, as shells have it.
            Self::Interrupted => 130,
            #[cfg(unix)]
            Self::Terminated => 143,
        }
    }

    /// The code of a failed call. A deadline counts as such in whatever phase it passed.
    pub(crate) fn of(error: &httptrace_client::Error) -> Self {
        if error.is_timeout() {
            return Self::TimedOut;
        }
        if error.is_usage() {
            return Self::Usage;
        }
        Self::of_phase(error.phase())
    }

    fn of_phase(phase: Option<Phase>) -> Self {
        match phase {
            Some(Phase::Queue | Phase::Dns | Phase::Connect | Phase::Proxy | Phase::Tls) => {
                Self::NoConnection
            }
            _ => Self::Failed,
        }
    }

    /// Whether a signal ended it: nothing is begun after that.
    pub(crate) fn is_by_signal(self) -> bool {
        match self {
            Self::Interrupted => true,
            #[cfg(unix)]
            Self::Terminated => true,
            _ => false,
        }
    }

    /// The first failure decides; a signal always does.
    pub(crate) fn then(self, next: Exit) -> Self {
        match (self, next) {
            (_, signal) if signal.is_by_signal() => signal,
            (Self::Done, next) => next,
            (failed, _) => failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_manual() {
        let table = [
            (Exit::Done, 0),
            (Exit::Usage, 2),
            (Exit::NoConnection, 3),
            (Exit::Failed, 4),
            (Exit::TimedOut, 5),
            (Exit::Interrupted, 130),
            #[cfg(unix)]
            (Exit::Terminated, 143),
        ];
        for (exit, code) in table {
            assert_eq!(exit.code(), code);
        }
    }

    #[test]
    fn phases_before_the_connection_are_no_connection_and_later_ones_are_failures() {
        for phase in Phase::ALL {
            let expected = if phase <= Phase::Tls {
                Exit::NoConnection
            } else {
                Exit::Failed
            };
            assert_eq!(Exit::of_phase(Some(phase)), expected, "{phase}");
        }
        assert_eq!(Exit::of_phase(None), Exit::Failed);
    }

    #[test]
    fn the_first_failure_decides_but_a_signal_beats_it() {
        assert_eq!(Exit::Done.then(Exit::Done), Exit::Done);
        assert_eq!(Exit::Done.then(Exit::TimedOut), Exit::TimedOut);
        assert_eq!(Exit::NoConnection.then(Exit::TimedOut), Exit::NoConnection);
        assert_eq!(Exit::NoConnection.then(Exit::Done), Exit::NoConnection);
        assert_eq!(Exit::Failed.then(Exit::Interrupted), Exit::Interrupted);
        #[cfg(unix)]
        assert_eq!(Exit::Failed.then(Exit::Terminated), Exit::Terminated);
    }
}
