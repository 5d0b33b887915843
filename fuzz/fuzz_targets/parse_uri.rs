//! URIs as people write them: what is accepted is an http URI with a host, and is accepted again as it was made.
#![no_main]

use httptrace_client::parse_uri;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(uri) = parse_uri(text) else { return };
    assert!(matches!(uri.scheme_str(), Some("http" | "https")));
    assert!(uri.host().is_some_and(|host| !host.is_empty()));
    let again = parse_uri(&uri.to_string()).expect("what was made of it is a URI");
    assert_eq!(again, uri);
});
