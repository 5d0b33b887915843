//! Hosts of every kind: names in any script, addresses in brackets, zones, and what is no host.

mod rig;

use std::net::{IpAddr, Ipv4Addr};

use httptrace::{EventKind, EventName};
use httptrace_client::{Body, Client, IpFamily, parse_uri};
use httptrace_test::{Checker, Peer};
use rig::{HELLO, direct, fetch, get_url, soon};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn hello_peer(addr: &str) -> Peer {
    Peer::at(addr).every_conn(|c| c.client_may_leave().repeat_exchange(HELLO))
}

/// The names that were looked up.
fn looked_up(checker: &Checker) -> Vec<String> {
    checker.pick(|kind| match kind {
        EventKind::DnsStart(start) => Some(start.host.to_string()),
        _ => None,
    })
}

#[tokio::test]
async fn a_host_outside_ascii_is_looked_up_and_sent_in_punycode() {
    assert!(
        "http://bücher.example/".parse::<http::Uri>().is_err(),
        "http::Uri takes ASCII alone"
    );
    let peer = hello_peer("127.0.0.1:0");
    let port = peer.addr().port();
    let client = direct()
        .resolve("xn--bcher-kva.example", None, [HERE])
        .build();
    let checker = Checker::new();
    let uri = parse_uri(&format!("http://BÜCHER.example:{port}/")).unwrap();
    let text = soon(fetch(&client, get_url(&uri.to_string(), &checker))).await;
    assert_eq!(text.unwrap(), "hello");
    assert_eq!(looked_up(&checker), ["xn--bcher-kva.example"]);
    let host = format!("xn--bcher-kva.example:{port}");
    assert_eq!(peer.report().conn(0).head(0).field("host"), Some(&*host));
    checker.finish().await;
}

#[tokio::test]
async fn addresses_are_not_looked_up_and_ipv6_is_in_brackets() {
    let (four, six) = (hello_peer("127.0.0.1:0"), hello_peer("[::1]:0"));
    for peer in [four, six] {
        let checker = Checker::new();
        let authority = peer.addr().to_string();
        let url = format!("http://{authority}/");
        assert_eq!(
            soon(fetch(&Client::new(), get_url(&url, &checker)))
                .await
                .unwrap(),
            "hello"
        );
        assert!(looked_up(&checker).is_empty());
        let asked = checker.pick(|kind| match kind {
            EventKind::GetConn(info) => Some(info.host_port.to_string()),
            _ => None,
        });
        assert_eq!(asked, [authority.as_str()]);
        assert_eq!(
            peer.report().conn(0).head(0).field("host"),
            Some(&*authority)
        );
        checker.finish().await;
    }
}

#[tokio::test]
async fn a_zone_chooses_the_interface_and_is_not_sent() {
    let peer = hello_peer("[::1]:0");
    let port = peer.addr().port();
    let url = format!("http://[::1%251]:{port}/");
    let checker = Checker::new();
    let text = soon(fetch(&Client::new(), get_url(&url, &checker))).await;
    assert_eq!(text.unwrap(), "hello");
    let host = format!("[::1]:{port}");
    assert_eq!(peer.report().conn(0).head(0).field("host"), Some(&*host));
    checker.finish().await;
}

#[tokio::test]
async fn a_host_is_the_same_in_any_case_and_its_wanted_family_must_exist() {
    let peer = hello_peer("127.0.0.1:0");
    let port = peer.addr().port();
    let builder = || direct().resolve("a.example", port, [HERE]);
    let checker = Checker::new();
    let url = format!("http://A.Example:{port}/");
    assert_eq!(
        soon(fetch(&builder().build(), get_url(&url, &checker)))
            .await
            .unwrap(),
        "hello"
    );
    let client = builder().ip_family(IpFamily::V6Only).build();
    let error = soon(fetch(&client, get_url(&url, &checker)))
        .await
        .unwrap_err();
    assert!(
        error.is_dns() && error.to_string().contains("no IPv6 address"),
        "{error}"
    );
    assert_eq!(checker.count(EventName::DnsDone), 2);
    checker.finish().await;
}

#[tokio::test]
async fn a_uri_that_leads_nowhere_is_refused_before_anything_is_looked_up() {
    for (url, why) in [("/path", "no scheme"), ("ftp://a/", "`ftp`")] {
        let checker = Checker::new();
        let error = Client::new()
            .send(get_url(url, &checker))
            .await
            .unwrap_err();
        assert!(
            error.is_usage() && error.to_string().contains(why),
            "{error}"
        );
        assert_eq!(checker.count(EventName::GetConn), 0);
        checker.finish().await;
    }
    let request = http::Request::get("http:///x").body(Body::empty());
    assert!(request.is_err(), "http::Uri wants a host");
}
