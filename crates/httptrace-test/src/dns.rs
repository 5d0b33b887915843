//! Canned DNS: a resolver that answers what the test says, when the test says.
//!
//! ```
//! use httptrace_test::CannedDns;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
//! let dns = CannedDns::new()
//!     .host("example.com", &["127.0.0.1", "::1"])
//!     .slow_host("slow.example", 30, &["127.0.0.1:8080"])
//!     .failing_host("gone.example", "no such host");
//!
//! assert_eq!(dns.lookup("example.com").await?.len(), 2);
//! assert!(dns.lookup("gone.example").await.is_err());
//! assert_eq!(dns.lookups("example.com"), 1);
//! # Ok(()) }
//! ```

use std::collections::HashMap;
use std::future::pending;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A table of hosts with their answers. Cheap to clone: clones share the count of lookups.
///
/// A host that is not in the table fails as a name that does not exist.
#[derive(Clone, Debug, Default)]
pub struct CannedDns {
    table: HashMap<String, Canned>,
    asked: Arc<Mutex<Vec<String>>>,
}

/// What the table says of a host.
#[derive(Clone, Debug)]
struct Canned {
    delay: Duration,
    answer: Answer,
}

#[derive(Clone, Debug)]
enum Answer {
    Addrs(Vec<SocketAddr>),
    Failure(String),
    Never,
}

impl CannedDns {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers at once with these addresses, in this order: `127.0.0.1`, `::1`, or with a port `127.0.0.1:80`. An
    /// address without a port gets port 0, for the client to put its own in.
    ///
    /// # Panics
    ///
    /// If one is no address; so do the other methods that take addresses.
    #[must_use]
    pub fn host(self, host: &str, addrs: &[&str]) -> Self {
        self.slow_host(host, 0, addrs)
    }

    /// The same after so many milliseconds.
    #[must_use]
    pub fn slow_host(self, host: &str, delay_ms: u64, addrs: &[&str]) -> Self {
        let addrs = addrs.iter().map(|addr| parse(addr)).collect();
        self.entry(host, delay_ms, Answer::Addrs(addrs))
    }

    /// Fails at once, with this message.
    #[must_use]
    pub fn failing_host(self, host: &str, message: &str) -> Self {
        self.slow_failing_host(host, 0, message)
    }

    /// Fails after so many milliseconds.
    #[must_use]
    pub fn slow_failing_host(self, host: &str, delay_ms: u64, message: &str) -> Self {
        self.entry(host, delay_ms, Answer::Failure(message.to_owned()))
    }

    /// Never answers.
    #[must_use]
    pub fn silent_host(self, host: &str) -> Self {
        self.entry(host, 0, Answer::Never)
    }

    /// Looks a host up, as the table says.
    ///
    /// # Errors
    ///
    /// What the table says; [`io::ErrorKind::NotFound`] for a host that is not in it.
    pub async fn lookup(&self, host: &str) -> io::Result<Vec<SocketAddr>> {
        self.asked().push(host.to_owned());
        let Some(canned) = self.table.get(host) else {
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!("{host} is not in the table"),
            ));
        };
        if !canned.delay.is_zero() {
            tokio::time::sleep(canned.delay).await;
        }
        match &canned.answer {
            Answer::Addrs(addrs) => Ok(addrs.clone()),
            Answer::Failure(message) => Err(io::Error::other(message.clone())),
            Answer::Never => pending().await,
        }
    }

    /// How often this host has been looked up.
    pub fn lookups(&self, host: &str) -> usize {
        self.asked().iter().filter(|asked| *asked == host).count()
    }

    /// Every lookup so far, in order.
    pub fn all_lookups(&self) -> Vec<String> {
        self.asked().clone()
    }

    fn entry(mut self, host: &str, delay_ms: u64, answer: Answer) -> Self {
        let delay = Duration::from_millis(delay_ms);
        self.table.insert(host.to_owned(), Canned { delay, answer });
        self
    }

    fn asked(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn parse(addr: &str) -> SocketAddr {
    let bare = addr.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 0));
    let addr_or_error = bare.or_else(|_| addr.parse());
    addr_or_error.unwrap_or_else(|_| panic!("{addr:?} is no address"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::{Instant, timeout};

    #[tokio::test]
    async fn a_host_has_its_addresses_in_the_order_of_the_table() {
        let dns = CannedDns::new().host("a", &["::1", "127.0.0.1:80"]);
        let addrs = dns.lookup("a").await.unwrap();
        let expected = [parse("[::1]:0"), parse("127.0.0.1:80")];
        assert_eq!(addrs, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_answer_takes_its_time() {
        let dns = CannedDns::new()
            .slow_host("a", 30, &["127.0.0.1"])
            .slow_failing_host("b", 40, "no");
        let begin = Instant::now();
        dns.lookup("a").await.unwrap();
        assert_eq!(begin.elapsed(), Duration::from_millis(30));
        assert_eq!(dns.lookup("b").await.unwrap_err().to_string(), "no");
        assert_eq!(begin.elapsed(), Duration::from_millis(70));
    }

    #[tokio::test]
    async fn a_host_out_of_the_table_is_not_found() {
        let error = CannedDns::new().lookup("a").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_host_never_answers() {
        let dns = CannedDns::new().silent_host("a");
        let day = Duration::from_secs(86_400);
        assert!(timeout(day, dns.lookup("a")).await.is_err());
    }

    #[tokio::test]
    async fn clones_count_lookups_together_and_failures_count() {
        let dns = CannedDns::new().failing_host("a", "no");
        let clone = dns.clone();
        let _ = clone.lookup("a").await;
        let _ = dns.lookup("a").await;
        let _ = dns.lookup("b").await;
        assert_eq!(clone.lookups("a"), 2);
        assert_eq!(clone.all_lookups(), ["a", "a", "b"]);
    }
}
