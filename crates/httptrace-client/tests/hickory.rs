//! Names looked up by asking name servers: one on this machine that says what the test wants.

mod rig;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use httptrace::info::{DnsDone, DnsSource};
use httptrace::{ErrorKind, EventKind, EventName, Phase};
use httptrace_client::{Client, HickoryResolver};
use httptrace_test::{Checker, Leaks, Peer};
use rig::{AtMost, HELLO, fetch, get_url, soon};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

const A: u16 = 1;
const CNAME: u16 = 5;
const AAAA: u16 = 28;
const NXDOMAIN: u8 = 3;

/// What the server says to one kind of question: a code, and records with type, time to live and data.
#[derive(Clone, Default)]
struct Answer {
    code: u8,
    records: Vec<(u16, u32, Vec<u8>)>,
    silent: bool,
}

/// A name server on loopback (RFC 1035), which notes what it is asked.
struct NameServer {
    addr: SocketAddr,
    asked: Arc<Mutex<Vec<(String, u16)>>>,
    serving: JoinHandle<()>,
}

impl NameServer {
    async fn start(answer: impl Fn(&str, u16) -> Answer + Send + 'static) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let addr = socket.local_addr().unwrap();
        let asked = Arc::<Mutex<Vec<_>>>::default();
        let log = Arc::clone(&asked);
        let serving = tokio::spawn(async move {
            let mut packet = [0; 1500];
            loop {
                let (size, from) = socket.recv_from(&mut packet).await.unwrap();
                let (name, kind, question) = question(&packet[..size]);
                let answer = answer(&name, kind);
                log.lock().unwrap().push((name, kind));
                if !answer.silent {
                    let reply = reply(&packet[..2], question, &answer);
                    socket.send_to(&reply, from).await.unwrap();
                }
            }
        });
        Self {
            addr,
            asked,
            serving,
        }
    }

    fn asked(&self) -> Vec<(String, u16)> {
        let mut asked = self.asked.lock().unwrap().clone();
        asked.sort();
        asked
    }

    fn resolver(&self) -> HickoryResolver {
        HickoryResolver::asking([self.addr]).unwrap()
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// The name and the type that are asked for, and the question as it stands in the packet (RFC 1035 section 4.1.2).
fn question(packet: &[u8]) -> (String, u16, &[u8]) {
    let mut at = 12;
    let mut labels = Vec::new();
    while packet[at] != 0 {
        let size = usize::from(packet[at]);
        let label = String::from_utf8_lossy(&packet[at + 1..=at + size]);
        labels.push(label.to_ascii_lowercase());
        at += 1 + size;
    }
    let kind = u16::from_be_bytes([packet[at + 1], packet[at + 2]]);
    (labels.join("."), kind, &packet[12..at + 5])
}

/// An answer of a recursive server (RFC 1035 section 4.1). Its records are all of the name that was asked for.
fn reply(id: &[u8], question: &[u8], answer: &Answer) -> Vec<u8> {
    let count = u8::try_from(answer.records.len()).unwrap();
    let mut reply = id.to_vec();
    reply.extend([0x81, 0x80 | answer.code, 0, 1, 0, count, 0, 0, 0, 0]);
    reply.extend(question);
    for (kind, ttl, data) in &answer.records {
        // The name is a pointer to the question's.
        reply.extend([0xc0, 12]);
        reply.extend(kind.to_be_bytes());
        reply.extend([0, 1]);
        reply.extend(ttl.to_be_bytes());
        reply.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        reply.extend(data);
    }
    reply
}

/// This machine, for names under `.test`, with these times to live; no IPv6.
fn loopback(ttls: &'static [u32]) -> impl Fn(&str, u16) -> Answer {
    move |_, kind| {
        let addresses = ttls.iter().enumerate().filter(|_| kind == A);
        let record = |(index, ttl): (usize, &u32)| {
            let last = u8::try_from(index + 1).unwrap();
            (A, *ttl, vec![127, 0, 0, last])
        };
        Answer {
            records: addresses.map(record).collect(),
            ..Answer::default()
        }
    }
}

fn lookups(checker: &Checker) -> Vec<DnsDone> {
    checker.pick(|kind| match kind {
        EventKind::DnsDone(info) => Some(info.clone()),
        _ => None,
    })
}

fn url(peer: &Peer, host: &str) -> String {
    format!("http://{host}:{}/", peer.addr().port())
}

#[tokio::test]
async fn a_lookup_tells_the_addresses_the_source_and_the_shortest_time_to_live() {
    let server = NameServer::start(loopback(&[300, 60])).await;
    let peer = Peer::loopback().every_conn(|c| c.exchange(HELLO).client_may_leave());
    let client = Client::builder().resolver(server.resolver()).build();
    let checker = Checker::new();
    let text = soon(fetch(&client, get_url(&url(&peer, "some.test"), &checker))).await;
    assert_eq!(text.unwrap(), "hello");
    let done = &lookups(&checker)[0];
    assert_eq!(done.source, Some(DnsSource::NameServer));
    assert_eq!(done.ttl, Some(Duration::from_secs(60)));
    let addrs: Vec<_> = done.addrs.as_deref().unwrap().to_vec();
    let expected = [1, 2].map(|last| IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)));
    assert_eq!(addrs, expected);
    assert_eq!(
        server.asked(),
        [("some.test".to_owned(), A), ("some.test".to_owned(), AAAA)]
    );
    checker.finish().await;
}

#[tokio::test]
async fn answers_are_not_kept() {
    let server = NameServer::start(loopback(&[300])).await;
    let peer = Peer::loopback().every_conn(|c| c.exchange(HELLO).client_may_leave());
    let builder = Client::builder().resolver(server.resolver());
    let client = builder.keep_alives(false).build();
    let checker = Checker::new();
    for _ in 0..2 {
        let text = soon(fetch(&client, get_url(&url(&peer, "some.test"), &checker))).await;
        assert_eq!(text.unwrap(), "hello");
    }
    assert_eq!(server.asked().len(), 4);
    checker.finish().await;
}

#[tokio::test]
async fn addresses_of_both_families_are_found() {
    let server = NameServer::start(|_, kind| {
        let data = match kind {
            A => vec![127, 0, 0, 1],
            _ => std::net::Ipv6Addr::LOCALHOST.octets().to_vec(),
        };
        Answer {
            records: vec![(kind, 5, data)],
            ..Answer::default()
        }
    })
    .await;
    let peer = Peer::loopback().every_conn(|c| c.exchange(HELLO).client_may_leave());
    let client = Client::builder().resolver(server.resolver()).build();
    let checker = Checker::new();
    let text = soon(fetch(&client, get_url(&url(&peer, "some.test"), &checker))).await;
    assert_eq!(text.unwrap(), "hello");
    let addrs: Vec<_> = lookups(&checker)[0].addrs.as_deref().unwrap().to_vec();
    assert_eq!(
        addrs,
        ["::1", "127.0.0.1"].map(|ip| ip.parse::<IpAddr>().unwrap())
    );
    checker.finish().await;
}

#[tokio::test]
async fn an_alias_on_the_way_counts_for_the_time_to_live() {
    let server = NameServer::start(|name, kind| {
        if name == "alias.test" {
            return Answer {
                records: vec![(CNAME, 7, b"\x04real\x04test\0".to_vec())],
                ..Answer::default()
            };
        }
        loopback(&[300])(name, kind)
    })
    .await;
    let peer = Peer::loopback().every_conn(|c| c.exchange(HELLO).client_may_leave());
    let client = Client::builder().resolver(server.resolver()).build();
    let checker = Checker::new();
    let text = soon(fetch(&client, get_url(&url(&peer, "alias.test"), &checker))).await;
    assert_eq!(text.unwrap(), "hello");
    assert_eq!(lookups(&checker)[0].ttl, Some(Duration::from_secs(7)));
    checker.finish().await;
}

#[tokio::test]
async fn a_name_that_does_not_exist_and_one_without_addresses_are_told_apart() {
    for (code, told) in [(NXDOMAIN, "NXDOMAIN"), (0, "the name has no addresses")] {
        let server = NameServer::start(move |_, _| Answer {
            code,
            ..Answer::default()
        })
        .await;
        let client = Client::builder().resolver(server.resolver()).build();
        let checker = Checker::new();
        let failed = soon(fetch(&client, get_url("http://some.test/", &checker))).await;
        let error = failed.unwrap_err();
        assert_eq!(
            (error.kind(), error.phase()),
            (ErrorKind::Dns, Some(Phase::Dns))
        );
        assert!(error.to_string().contains(told), "{error}");
        let done = &lookups(&checker)[0];
        assert_eq!(done.source, Some(DnsSource::NameServer));
        assert_eq!((&done.addrs, done.ttl), (&None, None));
        assert_eq!(checker.count(EventName::ConnectStart), 0);
        checker.finish().await;
    }
}

#[tokio::test]
async fn a_silent_name_server_runs_into_the_connect_timeout() {
    let server = NameServer::start(|_, _| Answer {
        silent: true,
        ..Answer::default()
    })
    .await;
    let builder = Client::builder().resolver(server.resolver());
    let client = builder.connect_timeout(Duration::from_millis(200)).build();
    let checker = Checker::new();
    let failed = soon(fetch(&client, get_url("http://some.test/", &checker))).await;
    let error = failed.unwrap_err();
    assert!(error.is_timeout() && error.is_dns(), "{error:?}");
    checker.finish().await;
}

#[tokio::test]
async fn a_call_dropped_at_any_point_of_its_lookup_leaves_nothing_behind() {
    let server = NameServer::start(loopback(&[60])).await;
    let peer = Peer::loopback().every_conn(|c| c.client_may_leave().repeat_exchange(HELLO));
    let url = url(&peer, "some.test");
    for polls in 0..500 {
        let leaks = Leaks::watch(&peer);
        let builder = Client::builder().resolver(server.resolver());
        let client = builder.max_conns_per_host(1).build();
        let (dropped, next) = (Checker::new(), Checker::new());
        let outcome = AtMost::polls(polls, fetch(&client, get_url(&url, &dropped))).await;
        let text = soon(fetch(&client, get_url(&url, &next))).await;
        assert_eq!(text.unwrap(), "hello");
        drop(client);
        for checker in [dropped, next] {
            checker.finish().await;
        }
        leaks.assert_none().await;
        if let Some(text) = outcome {
            assert_eq!(text.unwrap(), "hello");
            return;
        }
    }
    panic!("it never came to its end");
}

#[test]
fn a_resolver_can_be_made_outside_of_a_runtime_but_not_without_servers() {
    let server = "127.0.0.1:53".parse().unwrap();
    HickoryResolver::asking([server]).unwrap();
    let error = HickoryResolver::asking([]).unwrap_err();
    assert!(error.is_usage());
}
