//! `--http1.1`, `--http2` and `--http2-prior-knowledge`.

use super::UsageError;
use crate::cli::ProtocolArgs;

/// Which versions of HTTP may be spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// For https what is agreed in the handshake, HTTP/2 or HTTP/1.1; for http the latter.
    Agreed,
    Http1,
    /// HTTP/2 alone, whatever the scheme.
    Http2,
}

impl Protocol {
    /// Which of them was last, clap has seen to.
    pub(super) fn new(args: &ProtocolArgs) -> Result<Self, UsageError> {
        let unspoken = [
            ("HTTP/0.9", args.http0_9),
            ("HTTP/1.0", args.http1_0),
            ("HTTP/3", args.http3 || args.http3_only),
        ];
        if let Some((version, _)) = unspoken.iter().find(|(_, asked)| *asked) {
            return Err(UsageError::new(
                format!("{version} is not spoken"),
                "it is HTTP/2 where the server has it, else HTTP/1.1; --http1.1 and --http2-prior-knowledge insist on one",
            ));
        }
        Ok(match (args.http1_1, args.http2_prior_knowledge) {
            (true, _) => Self::Http1,
            (_, true) => Self::Http2,
            _ => Self::Agreed,
        })
    }
}
