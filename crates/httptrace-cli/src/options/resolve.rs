//! `--resolve HOST:PORT:ADDR[,ADDR]`.

use std::net::IpAddr;

use super::UsageError;

/// One line of the fixed address table.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Resolve {
    /// A host name, an address literal without brackets, or `*` for every host.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) addrs: Vec<IpAddr>,
}

pub(super) fn parse(text: &str) -> Result<Resolve, UsageError> {
    split(text).ok_or_else(|| {
        UsageError::new(
            format!("--resolve '{text}' is not HOST:PORT:ADDR[,ADDR]"),
            "for example --resolve example.com:443:127.0.0.1,[::1]",
        )
    })
}

fn split(text: &str) -> Option<Resolve> {
    // In curl a leading `+` makes the entry expire; within one run that is no difference.
    let text = text.strip_prefix('+').unwrap_or(text);
    let (host, rest) = match text.strip_prefix('[') {
        Some(bracketed) => bracketed.split_once("]:")?,
        None => text.split_once(':')?,
    };
    let (port, addrs) = rest.split_once(':')?;
    if host.is_empty() {
        return None;
    }
    Some(Resolve {
        host: host.to_ascii_lowercase(),
        port: port.parse().ok()?,
        addrs: addrs.split(',').map(address).collect::<Option<_>>()?,
    })
}

fn address(text: &str) -> Option<IpAddr> {
    let bare = match text.strip_prefix('[') {
        Some(bracketed) => bracketed.strip_suffix(']')?,
        None => text,
    };
    bare.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_ports_and_addresses_are_told_apart() {
        let v4: IpAddr = "127.0.0.1".parse().unwrap();
        let v6: IpAddr = "::1".parse().unwrap();
        let table = [
            ("Example.com:443:127.0.0.1", "example.com", 443, vec![v4]),
            ("a:80:[::1],127.0.0.1", "a", 80, vec![v6, v4]),
            ("a:80:::1", "a", 80, vec![v6]),
            ("+a:80:127.0.0.1", "a", 80, vec![v4]),
            ("*:8443:127.0.0.1", "*", 8443, vec![v4]),
            ("[2001:db8::1]:80:127.0.0.1", "2001:db8::1", 80, vec![v4]),
        ];
        for (text, host, port, addrs) in table {
            let expected = Resolve {
                host: host.to_owned(),
                port,
                addrs,
            };
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn incomplete_entries_are_refused() {
        for text in [
            "a",
            "a:80",
            "a:80:",
            ":80:127.0.0.1",
            "a:x:127.0.0.1",
            "a:80:b",
            "a:80:[::1",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
