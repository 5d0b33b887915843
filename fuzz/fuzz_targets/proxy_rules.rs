//! Which proxy, and for whom: texts that people write into their environment.
#![no_main]

use httptrace_client::Proxy;
use httptrace_client::fuzzing::{bypasses, proxy};
use libfuzzer_sys::fuzz_target;

// A proxy, a list of hosts without one and a host, a line each.
fuzz_target!(|text: &str| {
    let mut lines = text.splitn(3, '\n');
    let mut line = || lines.next().unwrap_or_default();
    let (url, list, host) = (line(), line(), line());
    match proxy(url) {
        Ok(shown) => {
            // What is shown is a proxy without its credentials, and the same one.
            assert_eq!(proxy(&shown), Ok(shown.clone()));
            assert!(!shown.contains('@'), "{shown}");
            let rules = Proxy::all(url).expect("a proxy").bypass(list);
            assert!(!format!("{rules:?}").is_empty());
        }
        Err(_) => assert!(Proxy::all(url).is_err()),
    }
    let exempt = bypasses(list, host, 443);
    assert_eq!(
        bypasses(list, &host.to_ascii_uppercase(), 443),
        exempt,
        "case does not count"
    );
    // An entry more exempts no fewer hosts.
    assert!(!exempt || bypasses(&format!("{list},other.test"), host, 443));
    assert!(bypasses(&format!("{list},*"), host, 443));
    for here in ["localhost", "127.0.0.1", "::1"] {
        assert!(bypasses(list, here, 80));
    }
});
