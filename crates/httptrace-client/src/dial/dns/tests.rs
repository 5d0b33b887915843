use std::error::Error as _;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

use super::super::rig::{Seen, target};
use super::*;

const V4: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));

/// Answers with both families, when told to.
#[derive(Default)]
struct Scripted {
    asked: AtomicUsize,
    dropped: Arc<AtomicUsize>,
    may_answer: Arc<Notify>,
    waits: bool,
}

/// Counts how many lookups are over.
struct Over(Arc<AtomicUsize>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Resolve for Scripted {
    fn resolve(&self, host: &str) -> Resolving {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let over = Over(Arc::clone(&self.dropped));
        let may_answer = Arc::clone(&self.may_answer);
        let (waits, host) = (self.waits, host.to_owned());
        Box::pin(async move {
            let _over = over;
            if waits {
                may_answer.notified().await;
            }
            match host.as_str() {
                "both.test" => {
                    let answer: Resolved = [V6, V4].into_iter().collect();
                    Ok(answer.with_ttl(Duration::from_secs(60)))
                }
                "four.test" => Ok([V4].into_iter().collect()),
                "empty.test" => Ok(Resolved::new([])),
                "panic.test" => panic!("the resolver's own fault"),
                _ => Err(io::Error::new(io::ErrorKind::NotFound, "no such host")),
            }
        })
    }
}

fn resolver(scripted: &Arc<Scripted>, family: IpFamily) -> Resolver {
    Resolver::new(Some(Arc::clone(scripted) as _), Vec::new(), family)
}

fn never() -> Deadline {
    Deadline::start(None)
}

async fn resolve(resolver: &Resolver, host: &str, seen: &Seen) -> Result<Vec<SocketAddr>, Error> {
    let target = target(false, host, 8080);
    resolver.resolve(&target, never(), &seen.emitter()).await
}

#[tokio::test]
async fn an_answer_keeps_the_resolvers_order_and_takes_the_targets_port() {
    let seen = Seen::default();
    let resolver = resolver(&Arc::default(), IpFamily::Any);
    let addrs = resolve(&resolver, "both.test", &seen).await.unwrap();
    assert_eq!(
        addrs,
        [SocketAddr::new(V6, 8080), SocketAddr::new(V4, 8080)]
    );
    assert_eq!(seen.names(), ["dns_start", "dns_done"]);
    let done = seen.dns_done();
    assert_eq!(&*done.host, "both.test");
    assert_eq!(done.addrs.as_deref(), Some(&[V6, V4][..]));
    assert_eq!(done.source, Some(DnsSource::Custom));
    assert_eq!(done.coalesced, Some(false));
    assert_eq!(done.ttl, Some(Duration::from_secs(60)));
    assert!(done.error.is_none());
}

#[tokio::test]
async fn the_family_filter_keeps_one_family_but_the_event_tells_the_whole_answer() {
    let seen = Seen::default();
    let resolver = resolver(&Arc::default(), IpFamily::V4Only);
    let addrs = resolve(&resolver, "both.test", &seen).await.unwrap();
    assert_eq!(addrs, [SocketAddr::new(V4, 8080)]);
    assert_eq!(seen.dns_done().addrs.unwrap().len(), 2);
}

#[tokio::test]
async fn a_host_without_an_address_of_the_family_is_an_error_that_says_so() {
    let seen = Seen::default();
    let resolver = resolver(&Arc::default(), IpFamily::V6Only);
    let error = resolve(&resolver, "four.test", &seen).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Dns);
    assert!(error.is_dns());
    assert!(error.to_string().contains("no IPv6 address"), "{error}");
    let done = seen.dns_done();
    assert_eq!(done.error.unwrap().kind(), ErrorKind::Dns);
    assert_eq!(done.addrs.as_deref(), Some(&[V4][..]));

    let error = resolve(&resolver, "192.0.2.1", &seen).await.unwrap_err();
    assert!(error.to_string().contains("no IPv6 address"), "{error}");
}

#[tokio::test]
async fn an_empty_answer_is_an_error_and_has_no_addresses_in_its_event() {
    let seen = Seen::default();
    let resolver = resolver(&Arc::default(), IpFamily::Any);
    let error = resolve(&resolver, "empty.test", &seen).await.unwrap_err();
    assert!(error.is_dns());
    assert!(error.to_string().contains("has no addresses"), "{error}");
    assert!(seen.dns_done().addrs.is_none());
}

#[tokio::test]
async fn a_failed_lookup_names_the_host_and_keeps_the_resolvers_error_as_source() {
    let seen = Seen::default();
    let resolver = resolver(&Arc::default(), IpFamily::Any);
    let error = resolve(&resolver, "nowhere.test", &seen).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Dns);
    assert!(
        error
            .to_string()
            .starts_with("could not resolve \"nowhere.test\": no such host; ")
    );
    let source = error.source().unwrap().downcast_ref::<io::Error>().unwrap();
    assert_eq!(source.kind(), io::ErrorKind::NotFound);
    let done = seen.dns_done();
    assert!(done.addrs.is_none());
    assert_eq!(done.error.unwrap().kind(), ErrorKind::Dns);
}

#[tokio::test]
async fn a_resolver_that_panics_fails_the_lookup_and_the_next_one_asks_again() {
    let scripted = Arc::new(Scripted::default());
    let resolver = resolver(&scripted, IpFamily::Any);
    let seen = Seen::default();
    for asked in 1..=2 {
        let error = resolve(&resolver, "panic.test", &seen).await.unwrap_err();
        assert!(error.to_string().contains("without an answer"), "{error}");
        assert_eq!(scripted.asked.load(Ordering::SeqCst), asked);
    }
}

#[tokio::test]
async fn addresses_are_not_looked_up() {
    let scripted = Arc::new(Scripted::default());
    let resolver = resolver(&scripted, IpFamily::Any);
    let seen = Seen::default();
    for (host, expected) in [
        ("192.0.2.1", "192.0.2.1:8080"),
        ("2001:db8::1", "[2001:db8::1]:8080"),
        ("fe80::1%7", "[fe80::1%7]:8080"),
        ("fe80::1%257", "[fe80::1%7]:8080"),
        ("fe80::1%25", "[fe80::1%25]:8080"),
    ] {
        let addrs = resolve(&resolver, host, &seen).await.unwrap();
        assert_eq!(addrs.len(), 1);
        assert_eq!(addrs[0].to_string(), expected, "{host}");
    }
    assert_eq!(scripted.asked.load(Ordering::SeqCst), 0);
    assert!(seen.names().is_empty());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_zone_may_be_named() {
    let resolver = resolver(&Arc::default(), IpFamily::Any);
    let seen = Seen::default();
    let index = std::fs::read_to_string("/sys/class/net/lo/ifindex").unwrap();
    for host in ["fe80::1%lo", "fe80::1%25lo"] {
        let addrs = resolve(&resolver, host, &seen).await.unwrap();
        let expected = format!("[fe80::1%{}]:8080", index.trim());
        assert_eq!(addrs[0].to_string(), expected);
    }
}

#[tokio::test]
async fn an_unknown_zone_is_an_error_that_names_it() {
    let resolver = resolver(&Arc::default(), IpFamily::Any);
    let seen = Seen::default();
    let error = resolve(&resolver, "fe80::1%nosuchzone", &seen)
        .await
        .unwrap_err();
    assert!(error.is_dns());
    assert!(error.to_string().contains("\"nosuchzone\""), "{error}");
}

#[tokio::test]
async fn the_table_answers_first_for_its_host_and_port_alone() {
    let scripted = Arc::new(Scripted::default());
    let entry = TableEntry {
        host: "Both.test".into(),
        port: Some(8080),
        addrs: vec![V4],
    };
    let resolver = Resolver::new(Some(Arc::clone(&scripted) as _), vec![entry], IpFamily::Any);
    let seen = Seen::default();
    let addrs = resolve(&resolver, "both.test", &seen).await.unwrap();
    assert_eq!(addrs, [SocketAddr::new(V4, 8080)]);
    assert_eq!(seen.names(), ["dns_start", "dns_done"]);
    assert_eq!(seen.dns_done().source, Some(DnsSource::Table));
    assert_eq!(scripted.asked.load(Ordering::SeqCst), 0);

    let addrs = resolve(&resolver, "BOTH.test.", &seen).await.unwrap();
    assert_eq!(addrs, [SocketAddr::new(V4, 8080)]);

    let other_port = target(false, "both.test", 443);
    let emitter = Emitter::none();
    let addrs = resolver.resolve(&other_port, never(), &emitter);
    assert_eq!(addrs.await.unwrap().len(), 2);
    assert_eq!(scripted.asked.load(Ordering::SeqCst), 1);
}

fn waiting() -> Arc<Scripted> {
    Arc::new(Scripted {
        waits: true,
        ..Scripted::default()
    })
}

/// Lets every task that can run do so, until `condition` holds.
async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn lookups_of_one_name_at_the_same_time_are_shared_and_each_says_so() {
    let scripted = waiting();
    let resolver = Arc::new(resolver(&scripted, IpFamily::Any));
    let (one, two) = (Seen::default(), Seen::default());
    let both = async {
        tokio::join!(
            resolve(&resolver, "both.test", &one),
            resolve(&resolver, "both.test", &two),
            async {
                until(|| !one.names().is_empty() && !two.names().is_empty()).await;
                scripted.may_answer.notify_one();
            }
        )
    };
    let (first, second, ()) = both.await;
    assert_eq!(first.unwrap(), second.unwrap());
    assert_eq!(scripted.asked.load(Ordering::SeqCst), 1);
    assert_eq!(one.dns_done().coalesced, Some(true));
    assert_eq!(two.dns_done().coalesced, Some(true));

    // The next one comes after: it asks anew.
    let three = Seen::default();
    scripted.may_answer.notify_one();
    resolve(&resolver, "both.test", &three).await.unwrap();
    assert_eq!(scripted.asked.load(Ordering::SeqCst), 2);
    assert_eq!(three.dns_done().coalesced, Some(false));
}

#[tokio::test]
async fn when_the_dial_that_began_a_lookup_is_dropped_the_lookup_goes_on_for_the_other() {
    let scripted = waiting();
    let resolver = Arc::new(resolver(&scripted, IpFamily::Any));
    let (one, two) = (Seen::default(), Seen::default());
    let spawn = |seen: &Seen| {
        let (resolver, seen) = (Arc::clone(&resolver), seen.clone());
        tokio::spawn(async move { resolve(&resolver, "both.test", &seen).await })
    };
    let first = spawn(&one);
    until(|| scripted.asked.load(Ordering::SeqCst) == 1).await;
    let second = spawn(&two);
    until(|| !two.names().is_empty()).await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    let canceled = one.dns_done().error.unwrap();
    assert_eq!(canceled.kind(), ErrorKind::Canceled);

    scripted.may_answer.notify_one();
    second.await.unwrap().unwrap();
    assert_eq!(scripted.asked.load(Ordering::SeqCst), 1);
    assert_eq!(two.dns_done().coalesced, Some(true));
}

#[tokio::test]
async fn a_lookup_that_nobody_waits_for_is_given_up() {
    let scripted = waiting();
    let resolver = Arc::new(resolver(&scripted, IpFamily::Any));
    let (asking, seen) = (Arc::clone(&resolver), Seen::default());
    let lookup = tokio::spawn(async move { resolve(&asking, "both.test", &seen).await });
    until(|| scripted.asked.load(Ordering::SeqCst) == 1).await;
    lookup.abort();
    until(|| scripted.dropped.load(Ordering::SeqCst) == 1).await;
    until(|| resolver.lookups.is_empty()).await;
}

#[tokio::test(start_paused = true)]
async fn at_the_deadline_the_lookup_ends_with_a_timeout() {
    let resolver = resolver(&waiting(), IpFamily::Any);
    let seen = Seen::default();
    let target = target(false, "both.test", 80);
    let deadline = Deadline::start(Some(Duration::from_secs(30)));
    let error = resolver
        .resolve(&target, deadline, &seen.emitter())
        .await
        .unwrap_err();
    assert!(error.is_timeout() && error.is_dns());
    assert_eq!(
        error.to_string(),
        "looking up \"both.test\" timed out after 30s"
    );
    assert_eq!(seen.dns_done().error.unwrap().kind(), ErrorKind::Timeout);
}

#[tokio::test]
async fn the_system_knows_localhost() {
    let resolver = Resolver::new(None, Vec::new(), IpFamily::Any);
    let seen = Seen::default();
    let addrs = resolve(&resolver, "localhost", &seen).await.unwrap();
    assert!(addrs.iter().all(|addr| addr.ip().is_loopback()));
    assert_eq!(seen.dns_done().source, Some(DnsSource::System));
}
