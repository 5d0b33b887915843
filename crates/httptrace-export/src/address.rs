//! How addresses are written, in events and in timelines.

use httptrace::info::Address;

/// TCP addresses as they are, the others with a prefix that tells what they are.
pub(crate) fn address(address: &Address) -> String {
    match address {
        Address::Tcp(_) => address.to_string(),
        Address::Unix(path) => format!("unix:{}", path.display()),
        other => format!("other:{other}"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_path_is_told_from_a_host() {
        let tcp = Address::Tcp("[::1]:80".parse().unwrap());
        assert_eq!(address(&tcp), "[::1]:80");
        let unix = Address::Unix(Path::new("localhost:80").into());
        assert_eq!(address(&unix), "unix:localhost:80");
    }
}
