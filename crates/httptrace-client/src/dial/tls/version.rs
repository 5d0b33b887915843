//! The versions of TLS that are spoken.

use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};

/// A version of TLS. The ones before 1.2 are not spoken (RFC 8996).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    V1_2,
    /// TLS 1.3 (RFC 8446).
    V1_3,
}

impl TlsVersion {
    const ALL: [Self; 2] = [Self::V1_3, Self::V1_2];

    fn supported(self) -> &'static SupportedProtocolVersion {
        match self {
            Self::V1_2 => &TLS12,
            Self::V1_3 => &TLS13,
        }
    }
}

/// Those between two limits, the limits included; may be none.
pub(super) fn between(
    least: Option<TlsVersion>,
    most: Option<TlsVersion>,
) -> Vec<&'static SupportedProtocolVersion> {
    let fits = |version: &TlsVersion| {
        least.is_none_or(|least| least <= *version) && most.is_none_or(|most| *version <= most)
    };
    let fitting = TlsVersion::ALL.into_iter().filter(fits);
    fitting.map(TlsVersion::supported).collect()
}

#[cfg(test)]
mod tests {
    use super::TlsVersion::{V1_2, V1_3};
    use super::*;

    #[test]
    fn limits_are_inclusive_and_may_leave_nothing() {
        assert_eq!(between(None, None), [&TLS13, &TLS12]);
        assert_eq!(between(Some(V1_2), Some(V1_3)), [&TLS13, &TLS12]);
        assert_eq!(between(Some(V1_3), None), [&TLS13]);
        assert_eq!(between(None, Some(V1_2)), [&TLS12]);
        assert!(between(Some(V1_3), Some(V1_2)).is_empty());
    }
}
