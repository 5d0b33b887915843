//! SOCKS5: the same however the proxy's words are split, and a tunnel stands only after the words for it.
#![no_main]

use httptrace_client::fuzzing::socks5;
use libfuzzer_sys::fuzz_target;

// The host, whether there are credentials, what the proxy says.
fuzz_target!(|input: (u8, &[u8])| {
    let (choice, said) = input;
    let hosts = ["a.test", "192.0.2.1", "2001:db8::1", ""];
    let host = hosts[usize::from(choice) % hosts.len()];
    let credentials = (choice & 4 != 0).then_some((&b"user"[..], &b"secret"[..]));
    let whole = socks5(host, credentials, &[said]);
    let single: Vec<&[u8]> = said.chunks(1).collect();
    assert_eq!(socks5(host, credentials, &single), whole, "byte by byte");
    for at in 0..said.len().min(64) {
        let (before, after) = said.split_at(at);
        assert_eq!(
            socks5(host, credentials, &[before, after]),
            whole,
            "cut at {at}"
        );
    }
    match whole {
        Ok(talk) => {
            let has_secret = talk.sent.windows(6).any(|window| window == b"secret");
            assert_eq!(
                has_secret,
                said.starts_with(&[5, 2]),
                "the password is sent when it is asked for"
            );
            assert!(talk.sent.starts_with(&[5]));
            if let Some(rest) = &talk.open {
                assert!(said.ends_with(rest));
                // The choice of a method, and a reply with the shortest of addresses.
                assert!(said.len() - rest.len() >= 2 + 7);
                assert_eq!(said[0], 5);
            }
        }
        Err(message) => assert!(!message.contains("secret"), "{message}"),
    }
});
