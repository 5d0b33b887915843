//! Who is reached without a proxy (`NO_PROXY`, by the rules of Go's `httpproxy`).

use std::net::IpAddr;

use super::host::in_ascii;
use crate::dial::dns;

/// Hosts that are reached without a proxy.
#[derive(Clone, Debug, Default)]
pub(super) struct Bypass {
    /// `localhost` and loopback addresses.
    loopback: bool,
    /// Everybody.
    all: bool,
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
enum Entry {
    /// `10.0.0.0/8`: an address and how many of its bits count.
    Net(IpAddr, u8),
    Address {
        ip: IpAddr,
        port: Option<u16>,
    },
    Domain {
        /// With the dot in front.
        suffix: String,
        /// Whether the domain itself is meant as well as what is below it.
        itself: bool,
        port: Option<u16>,
    },
}

impl Bypass {
    /// Reads a list of hosts, domains, addresses and networks, each but the last with or without a port, separated by
    /// commas or blanks. What cannot be understood is skipped, as in Go.
    pub(super) fn parse(list: &str) -> Self {
        let items = list.split([',', ' ', '\t']);
        let mut items = items.map(str::trim).filter(|item| !item.is_empty());
        Self {
            loopback: false,
            all: items.clone().any(|item| item == "*"),
            entries: items.by_ref().filter_map(Entry::parse).collect(),
        }
    }

    /// The same, and this machine.
    pub(super) fn with_loopback(self) -> Self {
        Self {
            loopback: true,
            ..self
        }
    }

    /// The same with another list.
    pub(super) fn with_list(&self, list: &str) -> Self {
        Self {
            loopback: self.loopback,
            ..Self::parse(list)
        }
    }

    pub(super) fn contains(&self, host: &str, port: u16) -> bool {
        if self.all {
            return true;
        }
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        let ip = dns::literal_ip(&host).map(|ip| ip.to_canonical());
        if self.loopback && (host == "localhost" || ip.is_some_and(|ip| ip.is_loopback())) {
            return true;
        }
        self.entries.iter().any(|entry| entry.fits(&host, ip, port))
    }
}

impl Entry {
    fn parse(item: &str) -> Option<Self> {
        let item = item.to_ascii_lowercase();
        if let Some((net, bits)) = item.split_once('/') {
            let net = net.parse::<IpAddr>().ok()?;
            let bits = bits.parse().ok()?;
            return (bits <= width(net)).then_some(Self::Net(net, bits));
        }
        let (host, port) = split_port(&item)?;
        if let Ok(ip) = host.parse::<IpAddr>() {
            let ip = ip.to_canonical();
            return Some(Self::Address { ip, port });
        }
        let host = host.strip_suffix('.').unwrap_or(host);
        let host = host
            .strip_prefix('*')
            .filter(|rest| rest.starts_with('.'))
            .unwrap_or(host);
        let (domain, itself) = match host.strip_prefix('.') {
            Some(domain) => (domain, false),
            None => (host, true),
        };
        let domain = in_ascii(domain).ok()?;
        (!domain.is_empty()).then(|| Self::Domain {
            suffix: format!(".{domain}"),
            itself,
            port,
        })
    }

    fn fits(&self, host: &str, ip: Option<IpAddr>, port: u16) -> bool {
        match (self, ip) {
            (Self::Net(net, bits), Some(ip)) => same_net(*net, ip, *bits),
            (
                Self::Address {
                    ip: own,
                    port: own_port,
                },
                Some(ip),
            ) => *own == ip && own_port.is_none_or(|own| own == port),
            (
                Self::Domain {
                    suffix,
                    itself,
                    port: own,
                },
                None,
            ) => {
                let below = host.ends_with(suffix.as_str());
                (below || *itself && host == &suffix[1..]) && own.is_none_or(|own| own == port)
            }
            _ => false,
        }
    }
}

/// A host without brackets, and its port if there is one; absent if the port is none.
fn split_port(item: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match item.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']')?;
            (host, after.strip_prefix(':').unwrap_or(after))
        }
        // An IPv6 address may stand there without brackets.
        None if item.matches(':').count() > 1 => (item, ""),
        None => item.split_once(':').unwrap_or((item, "")),
    };
    match port {
        "" => Some((host, None)),
        port => Some((host, Some(port.parse().ok()?))),
    }
}

fn width(ip: IpAddr) -> u8 {
    if ip.is_ipv4() { 32 } else { 128 }
}

fn same_net(net: IpAddr, ip: IpAddr, bits: u8) -> bool {
    // Shifts by all bits are none at all.
    match (net, ip) {
        (IpAddr::V4(net), IpAddr::V4(ip)) => {
            let differ = net.to_bits() ^ ip.to_bits();
            differ.checked_shr(32 - u32::from(bits)).unwrap_or(0) == 0
        }
        (IpAddr::V6(net), IpAddr::V6(ip)) => {
            let differ = net.to_bits() ^ ip.to_bits();
            differ.checked_shr(128 - u32::from(bits)).unwrap_or(0) == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_bypasses_what_go_would() {
        let list = "example.com, .below.test,*.star.test, ported.test:8443 BÜCHER.example,\
                    10.1.0.0/16,192.0.2.7,192.0.2.8:81,[2001:db8::1]:443,2001:db8::2,fd00::/8,0.0.0.0/33,:80,a:b";
        let bypass = Bypass::parse(list);
        let table = [
            ("example.com", 80, true),
            ("EXAMPLE.com", 443, true),
            ("example.com.", 80, true),
            ("www.example.com", 80, true),
            ("notexample.com", 80, false),
            ("example.com.evil", 80, false),
            ("below.test", 80, false),
            ("a.below.test", 80, true),
            ("star.test", 80, false),
            ("a.b.star.test", 80, true),
            ("ported.test", 8443, true),
            ("a.ported.test", 8443, true),
            ("ported.test", 443, false),
            ("xn--bcher-kva.example", 80, true),
            ("10.1.2.3", 80, true),
            ("::ffff:10.1.2.3", 80, true),
            ("10.2.0.0", 80, false),
            ("192.0.2.7", 9, true),
            ("192.0.2.8", 81, true),
            ("192.0.2.8", 80, false),
            ("2001:db8::1", 443, true),
            ("2001:db8::1", 80, false),
            ("2001:db8::2", 80, true),
            ("fd12:3456::1", 80, true),
            ("fd12:3456::1%25eth0", 80, true),
            ("fe80::1", 80, false),
            ("11.0.0.1", 80, false),
            ("a", 80, false),
            // Addresses are no domains.
            ("1.192.0.2.7", 80, false),
            ("localhost", 80, false),
            ("127.0.0.1", 80, false),
        ];
        for (host, port, expected) in table {
            assert_eq!(bypass.contains(host, port), expected, "{host}:{port}");
        }
    }

    #[test]
    fn an_asterisk_is_everybody_and_an_empty_list_nobody() {
        assert!(Bypass::parse("a.example, *").contains("any.example", 80));
        assert!(!Bypass::parse("").contains("any.example", 80));
        assert!(!Bypass::parse(" , ,.,").contains("any.example", 80));
    }

    #[test]
    fn networks_of_all_sizes_are_told_apart() {
        for (net, ip, expected) in [
            ("0.0.0.0/0", "203.0.113.9", true),
            ("203.0.113.9/32", "203.0.113.9", true),
            ("203.0.113.8/32", "203.0.113.9", false),
            ("203.0.113.8/31", "203.0.113.9", true),
            ("::/0", "2001:db8::1", true),
            ("::/0", "203.0.113.9", false),
            ("2001:db8::1/128", "2001:db8::1", true),
            ("2001:db8::/128", "2001:db8::1", false),
        ] {
            assert_eq!(Bypass::parse(net).contains(ip, 80), expected, "{net} {ip}");
        }
    }
}
