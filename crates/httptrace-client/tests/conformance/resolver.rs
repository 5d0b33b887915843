//! Answers lookups from a scenario's `dns` section.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use httptrace_client::{Resolve, Resolved, Resolving};

use crate::address::bare;
use crate::scenario::DnsSpec;
use crate::signals::Signals;

pub(crate) struct Table {
    answers: BTreeMap<String, Vec<DnsSpec>>,
    signals: Signals,
    /// How often each name has been asked for.
    asked: Mutex<HashMap<String, usize>>,
}

impl Table {
    pub(crate) fn new(answers: BTreeMap<String, Vec<DnsSpec>>, signals: Signals) -> Self {
        Self {
            answers,
            signals,
            asked: Mutex::default(),
        }
    }

    /// The answer for this lookup; the last one repeats.
    fn next(&self, name: &str) -> Option<DnsSpec> {
        let answers = self.answers.get(name)?;
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = asked.entry(name.to_owned()).or_default();
        let answer = answers.get(*asked).or(answers.last());
        *asked += 1;
        answer.cloned()
    }
}

impl Resolve for Table {
    fn resolve(&self, host: &str) -> Resolving {
        let name = host.trim_end_matches('.').to_ascii_lowercase();
        let answer = self.next(&name);
        let signals = self.signals.clone();
        Box::pin(async move {
            if let Some(signal) = answer.as_ref().and_then(|answer| answer.after.as_ref()) {
                signals.wait(signal).await;
            }
            let answer = answer.filter(|answer| !answer.fail);
            let answer = answer.ok_or_else(|| io::Error::other("no such host"))?;
            let addrs = answer.addrs.iter().map(|addr| bare(addr).parse::<IpAddr>());
            addrs
                .collect::<Result<Resolved, _>>()
                .map_err(io::Error::other)
        })
    }
}
