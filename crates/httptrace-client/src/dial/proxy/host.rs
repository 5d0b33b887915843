//! The hosts that people write into the settings of proxies.

use url::Host;

use crate::dial::dns;

/// A host in ASCII: names outside it in punycode (IDNA), all else as it is written. The error says what is wrong.
pub(super) fn in_ascii(host: &str) -> Result<String, String> {
    if dns::literal_ip(host).is_some() {
        return Ok(host.to_owned());
    }
    if host.contains('%') {
        return Err(format!("the host {host:?} holds a percent sign"));
    }
    match Host::parse(host) {
        Ok(_) if host.is_ascii() => Ok(host.to_owned()),
        Ok(punycode) => Ok(punycode.to_string()),
        Err(error) => Err(format!("the host {host:?} is none: {error}")),
    }
}
