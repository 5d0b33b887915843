use httptrace::EventKind;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::dial::deadline::Deadline;
use crate::dial::rig::{Seen, target as dial_target};
use crate::dial::{Dialed, Stream};

fn target(proxy: &Proxy, https: bool, host: &str) -> String {
    match proxy.via(https, host, 80).unwrap() {
        Via::Direct => "direct".to_owned(),
        Via::Forward(server) => format!("forward by {server}"),
        Via::Tunnel(server) => format!("tunnel through {server}"),
    }
}

#[test]
fn http_is_forwarded_by_http_proxies_and_tunneled_by_all_others() {
    for (url, http, https) in [
        (
            "http://p:1",
            "forward by http://p:1",
            "tunnel through http://p:1",
        ),
        (
            "https://p:1",
            "forward by https://p:1",
            "tunnel through https://p:1",
        ),
        (
            "socks5h://p:1",
            "tunnel through socks5://p:1",
            "tunnel through socks5://p:1",
        ),
    ] {
        let proxy = Proxy::all(url).unwrap();
        assert_eq!(target(&proxy, false, "a"), http);
        assert_eq!(target(&proxy, true, "a"), https);
    }
    assert_eq!(target(&Proxy::none(), true, "a"), "direct");
}

#[test]
fn each_scheme_may_have_its_own_proxy_and_some_hosts_none() {
    let proxy = Proxy::none().https("p:1").unwrap().bypass("b, c:80");
    assert_eq!(target(&proxy, false, "a"), "direct");
    assert_eq!(target(&proxy, true, "a"), "tunnel through http://p:1");
    assert_eq!(target(&proxy, true, "b"), "direct");
    let other = proxy.http("q:2").unwrap().bypass("d");
    assert_eq!(target(&other, false, "b"), "forward by http://q:2");
    assert_eq!(target(&other, true, "d"), "direct");
    // Only the environment's proxies leave this machine alone.
    assert_eq!(target(&other, false, "localhost"), "forward by http://q:2");
}

#[test]
fn credentials_make_another_proxy_of_it_and_are_shown_nowhere() {
    let plain = Proxy::all("http://me:first@p:1").unwrap();
    let proxy = plain.clone().basic_auth("you", "second");
    let server = |proxy: &Proxy| Arc::clone(proxy.server(true, "a", 1).unwrap().unwrap());
    assert_ne!(server(&plain), server(&proxy));
    assert_eq!(
        server(&proxy).authorization().unwrap(),
        "Basic eW91OnNlY29uZA=="
    );
    let text = format!("{plain:?} {proxy:?} {:?}", proxy.via(true, "a", 1));
    for secret in ["first", "second", "me:", "you"] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[test]
fn what_is_no_proxy_is_an_error_of_usage() {
    let error = Proxy::all("socks4://me:secret@p").unwrap_err();
    assert!(error.is_usage());
    let text = format!("{error} {error:?}");
    assert!(
        text.contains("use socks5://") && !text.contains("secret"),
        "{text}"
    );
}

/// Asks for a tunnel to `a:80` over a pipe whose other end says this at once. Returns the tunnel, and what it was asked.
async fn opened(url: &str, answer: &[u8], seen: &Seen) -> (Result<Dialed, Error>, Vec<u8>) {
    let proxy = Proxy::all(url).unwrap();
    let server = proxy.server(false, "a", 80).unwrap().unwrap();
    let (ours, mut peer) = tokio::io::duplex(4096);
    peer.write_all(answer).await.unwrap();
    let dialed = Dialed {
        stream: Stream::Custom(Box::new(ours)),
        probe: None,
        local: None,
        remote: None,
        alpn: Some("http/1.1".into()),
    };
    let target = dial_target(false, "a", 80);
    let never = Deadline::start(None);
    let opened = open(dialed, server, &target, None, never, &seen.emitter()).await;
    let mut asked = [0; 4096];
    let count = peer.read(&mut asked).await.unwrap();
    peer.write_all(b" late").await.unwrap_or_default();
    drop(peer);
    (opened, asked[..count].to_vec())
}

#[tokio::test]
async fn what_comes_with_the_proxys_last_word_is_the_targets() {
    for (url, answer) in [
        ("http://p", &b"HTTP/1.1 200 OK\r\n\r\nearly"[..]),
        ("socks5://p", b"\x05\0\x05\0\0\x01\x7f\0\0\x01\0\x50early"),
    ] {
        let seen = Seen::default();
        let (opened, asked) = opened(url, answer, &seen).await;
        let mut opened = opened.unwrap();
        let mut text = String::new();
        opened.stream.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "early late", "{url}");
        // The tunnel's protocol is not that of the way to the proxy.
        assert_eq!(opened.alpn, None);
        assert!(!asked.is_empty());
        assert_eq!(seen.names(), ["proxy_tunnel_start", "proxy_tunnel_done"]);
    }
}

#[tokio::test]
async fn a_refusal_is_the_error_of_the_event_too() {
    let seen = Seen::default();
    let answer = b"HTTP/1.1 403 Not you\r\n\r\n";
    let (opened, asked) = opened("http://me:secret@p", answer, &seen).await;
    let error = opened.err().unwrap();
    assert_eq!(error.proxy_status().unwrap(), 403);
    assert!(asked.starts_with(b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\nProxy-Auth"));
    let kinds = seen.kinds();
    let [_, EventKind::ProxyTunnelDone(done)] = &kinds[..] else {
        panic!("{kinds:?}");
    };
    assert_eq!(done.status.unwrap(), 403);
    assert_eq!(done.reason.as_deref(), Some("Not you"));
    let told = done.error.as_ref().unwrap();
    assert_eq!(told.message(), error.to_string());
    assert!(!format!("{kinds:?} {error:?}").contains("secret"));
}
