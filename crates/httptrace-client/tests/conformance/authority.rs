//! The certificates of a scenario's peers, made when the first is asked for.

use std::sync::{Arc, OnceLock};

use httptrace_test::TestCa;
use rustls::ServerConfig;

use crate::scenario::Certificate;

pub(crate) struct Certificates {
    trusted: TestCa,
    /// Host names and addresses that a certificate of the right names has.
    names: Vec<String>,
    made: OnceLock<Made>,
}

struct Made {
    good: Arc<ServerConfig>,
    wrong_name: Arc<ServerConfig>,
    untrusted: Arc<ServerConfig>,
}

impl Certificates {
    pub(crate) fn new<'a>(hosts: impl Iterator<Item = &'a String>) -> Self {
        let loopback = (1..10).map(|last| format!("127.0.0.{last}"));
        let names = hosts.cloned().chain(loopback).chain(["::1".to_owned()]);
        Self {
            trusted: TestCa::new(),
            names: names.collect(),
            made: OnceLock::new(),
        }
    }

    /// The authority that the client is to trust.
    pub(crate) fn trusted_pem(&self) -> &[u8] {
        self.trusted.pem().as_bytes()
    }

    /// A server's settings. Connections with the same certificate share them, so that sessions can be resumed.
    pub(crate) fn server(&self, certificate: Certificate) -> Arc<ServerConfig> {
        let made = self.made.get_or_init(|| self.make());
        Arc::clone(match certificate {
            Certificate::Good => &made.good,
            Certificate::WrongName => &made.wrong_name,
            Certificate::Untrusted => &made.untrusted,
        })
    }

    fn make(&self) -> Made {
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        Made {
            good: self.trusted.server(&names).config(),
            wrong_name: self.trusted.server(&["somebody-else.test"]).config(),
            untrusted: TestCa::new().server(&names).config(),
        }
    }
}
