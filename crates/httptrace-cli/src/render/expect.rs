//! The wait for `100 Continue`, which is a part of sending.

use std::time::Duration;

use httptrace::Phase;
use httptrace::timeline::AttemptTimeline;

use super::attempt::style;
use super::bar::Stretch;
use super::canvas::Canvas;

/// A body that was held back, as far as events tell.
pub(super) struct Held {
    from: Duration,
    until: Until,
}

/// What was first to end the wait.
#[derive(Clone, Copy)]
enum Until {
    Continue(Duration),
    /// Bytes of the body went out: the wait had lasted long enough.
    Patience(Duration),
    Answer(Duration),
    /// The attempt was over before anything else happened.
    Nothing(Duration),
}

impl Held {
    pub(super) fn of(attempt: &AttemptTimeline) -> Option<Self> {
        let from = attempt.wait_100_continue?;
        let ends = [
            attempt.got_100_continue.map(Until::Continue),
            attempt.upload.map(|upload| Until::Patience(upload.first)),
            attempt.response.as_ref().map(|head| Until::Answer(head.at)),
        ];
        let first = ends.into_iter().flatten().min_by_key(|end| end.at());
        let (_, over) = attempt.bounds();
        Some(Self {
            from,
            until: first.unwrap_or(Until::Nothing(over)),
        })
    }

    /// Whether this row tells of the `100` already.
    pub(super) fn ended_with_100(&self) -> bool {
        matches!(self.until, Until::Continue(_))
    }

    pub(super) fn draw(&self, canvas: &mut Canvas) {
        let start = self.from;
        let end = self.until.at().max(start);
        let note = match self.until {
            Until::Continue(_) => "body held until 100 Continue",
            Until::Patience(_) => "body held: no 100 Continue",
            Until::Answer(_) => "body held until the answer",
            Until::Nothing(_) => "body held to the end",
        };
        let stretch = Stretch { start, end };
        // Without a label, as each address under `connect`: it is a part of the row above.
        let style = style(Phase::Send).dimmed();
        canvas.row("", style, Some(end - start), &[stretch], &[note.into()]);
    }
}

impl Until {
    fn at(self) -> Duration {
        match self {
            Self::Continue(at) | Self::Patience(at) | Self::Answer(at) | Self::Nothing(at) => at,
        }
    }
}
