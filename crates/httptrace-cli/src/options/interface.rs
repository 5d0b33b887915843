//! `--interface NAME|ADDRESS`.

use std::net::IpAddr;

use super::UsageError;

/// Our end of every connection.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct LocalEnd {
    pub(crate) interface: Option<String>,
    pub(crate) address: Option<IpAddr>,
}

/// As in curl: a bare word is an address or an interface; `if!`, `host!` and `ifhost!…!…` say which.
pub(super) fn parse(text: &str) -> Result<LocalEnd, UsageError> {
    let refused = || {
        UsageError::new(
            format!("--interface '{text}' is neither an interface nor an address"),
            "for example --interface eth0, --interface 192.0.2.1 or --interface 'ifhost!eth0!192.0.2.1'",
        )
    };
    let end = split(text).ok_or_else(refused)?;
    if end.interface.is_some() && !CAN_BIND_TO_INTERFACE {
        return Err(UsageError::new(
            format!("--interface '{text}': this system binds to addresses only"),
            "give the address that the interface has",
        ));
    }
    Ok(end)
}

/// Where the client has the method.
const CAN_BIND_TO_INTERFACE: bool = cfg!(any(
    target_os = "android",
    target_os = "ios",
    target_os = "linux",
    target_os = "macos"
));

fn split(text: &str) -> Option<LocalEnd> {
    let (interface, address) = if let Some(name) = text.strip_prefix("if!") {
        (Some(name), None)
    } else if let Some(address) = text.strip_prefix("host!") {
        (None, Some(address))
    } else if let Some(both) = text.strip_prefix("ifhost!") {
        let (name, address) = both.split_once('!')?;
        (Some(name), Some(address))
    } else if text.parse::<IpAddr>().is_ok() {
        (None, Some(text))
    } else {
        (Some(text), None)
    };
    if interface.is_some_and(str::is_empty) {
        return None;
    }
    Some(LocalEnd {
        interface: interface.map(ToOwned::to_owned),
        address: match address {
            Some(address) => Some(address.parse().ok()?),
            None => None,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_told_apart_as_in_curl() {
        let v4: IpAddr = "192.0.2.1".parse().unwrap();
        let v6: IpAddr = "::1".parse().unwrap();
        let table = [
            ("eth0", Some("eth0"), None),
            ("if!eth0", Some("eth0"), None),
            ("192.0.2.1", None, Some(v4)),
            ("host!::1", None, Some(v6)),
            ("ifhost!eth0!192.0.2.1", Some("eth0"), Some(v4)),
        ];
        for (text, interface, address) in table {
            let end = split(text).unwrap();
            assert_eq!(end.interface.as_deref(), interface, "{text}");
            assert_eq!(end.address, address, "{text}");
        }
        for text in ["", "if!", "host!a.example", "ifhost!eth0", "ifhost!!::1"] {
            assert_eq!(split(text), None, "{text}");
        }
    }
}
