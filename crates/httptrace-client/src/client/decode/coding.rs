//! Content codings (RFC 9110 section 8.4.1) and their names.

use http::{HeaderMap, HeaderValue, header};

use super::codec::Codec;

/// A content coding that can be decoded, if the feature of its name is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

/// How many codings may be on top of each other (as in curl): whoever needs more is up to something.
const MAX_CODINGS: usize = 5;

impl Coding {
    /// In the order in which browsers offer them, which is what servers are tested with.
    const ALL: [Self; 4] = [Self::Gzip, Self::Deflate, Self::Brotli, Self::Zstd];

    /// Its name in header fields.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }

    /// A decoder that is at its beginning; none if the coding's feature is off.
    pub(super) fn codec(self) -> Option<Box<dyn Codec>> {
        match self {
            #[cfg(feature = "gzip")]
            Self::Gzip => Some(Box::new(super::gzip::Gzip::new())),
            #[cfg(feature = "deflate")]
            Self::Deflate => Some(Box::new(super::deflate::Deflate::new())),
            #[cfg(feature = "brotli")]
            Self::Brotli => Some(Box::new(super::brotli::Brotli::new())),
            #[cfg(feature = "zstd")]
            Self::Zstd => Some(Box::new(super::zstd::Zstd::new()?)),
            #[allow(unreachable_patterns)] // with all features on
            _ => None,
        }
    }

    fn is_compiled_in(self) -> bool {
        match self {
            Self::Gzip => cfg!(feature = "gzip"),
            Self::Deflate => cfg!(feature = "deflate"),
            Self::Brotli => cfg!(feature = "brotli"),
            Self::Zstd => cfg!(feature = "zstd"),
        }
    }

    fn named(name: &str) -> Option<Self> {
        // RFC 9110 section 8.4.1.3.
        let name = match name.eq_ignore_ascii_case("x-gzip") {
            true => "gzip",
            false => name,
        };
        let known = Self::ALL
            .into_iter()
            .filter(|coding| coding.is_compiled_in());
        known
            .into_iter()
            .find(|coding| coding.name().eq_ignore_ascii_case(name))
    }
}

/// What a request offers, as the value of `Accept-Encoding`; none if no coding is compiled in.
pub(super) fn offer() -> Option<HeaderValue> {
    let known = Coding::ALL
        .into_iter()
        .filter(|coding| coding.is_compiled_in());
    let names: Vec<_> = known.map(Coding::name).collect();
    let value = HeaderValue::try_from(names.join(", ")).ok();
    value.filter(|value| !value.is_empty())
}

/// The codings of a response's body, the one applied last first, which is the one to take off first. None if nothing is
/// to be decoded, or if one of them is unknown, so that the rest would come out coded still.
pub(super) fn codings(headers: &HeaderMap) -> Option<Vec<Coding>> {
    let mut codings = Vec::new();
    for list in headers.get_all(header::CONTENT_ENCODING) {
        let names = list.to_str().ok()?.split(',').map(str::trim);
        for name in names.filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("identity"))
        {
            codings.push(Coding::named(name)?);
        }
    }
    codings.reverse();
    (1..=MAX_CODINGS)
        .contains(&codings.len())
        .then_some(codings)
}

#[cfg(all(test, feature = "brotli", feature = "gzip"))]
mod tests {
    use super::*;

    fn of(lines: &[&'static str]) -> Option<Vec<Coding>> {
        let line = |line: &&'static str| (header::CONTENT_ENCODING, HeaderValue::from_static(line));
        codings(&lines.iter().map(line).collect())
    }

    #[test]
    fn codings_are_taken_off_in_the_opposite_order() {
        assert_eq!(of(&["gzip"]), Some(vec![Coding::Gzip]));
        let both = Some(vec![Coding::Brotli, Coding::Gzip]);
        assert_eq!(of(&["gzip, br"]), both);
        assert_eq!(of(&["GZip", "identity,, BR"]), both);
        assert_eq!(of(&["x-gzip"]), Some(vec![Coding::Gzip]));
    }

    #[test]
    fn a_list_with_an_unknown_coding_is_left_alone() {
        assert_eq!(of(&["gzip, compress"]), None);
        assert_eq!(of(&["aws-chunked"]), None);
        assert_eq!(of(&["gzip; q=1"]), None);
    }

    #[test]
    fn no_coding_is_nothing_to_decode() {
        assert_eq!(of(&[]), None);
        assert_eq!(of(&["identity"]), None);
        assert_eq!(of(&[""]), None);
    }

    #[test]
    fn more_codings_than_anybody_needs_are_left_alone() {
        assert_eq!(
            of(&["gzip, gzip, gzip, gzip, gzip"]).map(|c| c.len()),
            Some(5)
        );
        assert_eq!(of(&["gzip, gzip, gzip, gzip, gzip, gzip"]), None);
    }
}
