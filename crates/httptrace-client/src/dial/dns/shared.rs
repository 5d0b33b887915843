//! Lookups of one name at the same time are one lookup.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::{self, Handle};
use tokio::sync::watch;

use super::{Resolve, Resolved};

/// The lookups under way, by name and by the runtime they are made on: another one may stand still.
#[derive(Clone, Default)]
pub(super) struct SharedLookups {
    by_name: Arc<Mutex<HashMap<Name, Arc<Lookup>>>>,
}

type Name = (Arc<str>, runtime::Id);

struct Lookup {
    /// Absent until it is known.
    outcome: watch::Sender<Option<Outcome>>,
    /// A second dial has joined.
    coalesced: AtomicBool,
}

/// How a lookup ended.
pub(super) type Outcome = Result<Arc<Resolved>, Arc<io::Error>>;

impl SharedLookups {
    /// Joins the lookup of this name that is under way, or is the first of a new one.
    pub(super) fn join(&self, host: &Arc<str>) -> Joined {
        let name = (Arc::clone(host), Handle::current().id());
        let (lookup, outcome, is_first) = self.subscribe(&name);
        let flight = is_first.then(|| Flight {
            lookups: self.clone(),
            name,
            lookup: Arc::clone(&lookup),
            outcome: Err(Arc::new(gave_no_answer())),
        });
        Joined {
            lookup,
            outcome,
            flight,
        }
    }

    /// Subscribes to the lookup of this name; says whether it is new.
    fn subscribe(&self, name: &Name) -> (Arc<Lookup>, watch::Receiver<Option<Outcome>>, bool) {
        let mut lookups = self.lock();
        if let Some(lookup) = lookups.get(name) {
            lookup.coalesced.store(true, Ordering::Relaxed);
            return (Arc::clone(lookup), lookup.outcome.subscribe(), false);
        }
        let (sender, receiver) = watch::channel(None);
        let lookup = Arc::new(Lookup {
            outcome: sender,
            coalesced: AtomicBool::new(false),
        });
        lookups.insert(name.clone(), Arc::clone(&lookup));
        (lookup, receiver, true)
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Name, Arc<Lookup>>> {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A dial's part in a lookup.
pub(super) struct Joined {
    lookup: Arc<Lookup>,
    outcome: watch::Receiver<Option<Outcome>>,
    /// The lookup itself, for whoever came first.
    flight: Option<Flight>,
}

impl Joined {
    /// Waits for the outcome. Says also whether the lookup was shared.
    pub(super) async fn outcome(mut self, resolver: &Arc<dyn Resolve>) -> (Outcome, bool) {
        if let Some(flight) = self.flight.take() {
            // On a task of its own, so that it outlives this dial while others wait. Not spawned with the lock held:
            // a runtime that shuts down drops the task at once, and `Flight` takes the lock when it is dropped.
            tokio::spawn(flight.run(Arc::clone(resolver)));
        }
        let known = self.outcome.wait_for(Option::is_some).await;
        let outcome = known.ok().and_then(|known| known.clone());
        // unwrap_or_else is not reached: the sender is in `lookup`, and `Flight` sends whatever happens.
        let outcome = outcome.unwrap_or_else(|| Err(Arc::new(gave_no_answer())));
        (outcome, self.lookup.coalesced.load(Ordering::Relaxed))
    }
}

/// A lookup on its task. However it ends, those who wait are told.
struct Flight {
    lookups: SharedLookups,
    name: Name,
    lookup: Arc<Lookup>,
    outcome: Outcome,
}

impl Flight {
    async fn run(mut self, resolver: Arc<dyn Resolve>) {
        let mut resolving = resolver.resolve(&self.name.0);
        loop {
            tokio::select! {
                resolved = &mut resolving => {
                    self.outcome = resolved.map(Arc::new).map_err(Arc::new);
                    return;
                }
                () = self.lookup.outcome.closed() => {
                    if self.is_abandoned() {
                        return;
                    }
                }
            }
        }
    }

    /// Nobody waits any more, and nobody will: it is taken off the list.
    fn is_abandoned(&self) -> bool {
        let mut lookups = self.lookups.lock();
        let abandoned = self.lookup.outcome.is_closed();
        if abandoned {
            lookups.remove(&self.name);
        }
        abandoned
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let mut lookups = self.lookups.lock();
        // After it was abandoned another one may be under way.
        let listed = lookups.get(&self.name);
        if listed.is_some_and(|listed| Arc::ptr_eq(listed, &self.lookup)) {
            lookups.remove(&self.name);
        }
        drop(lookups);
        self.lookup.outcome.send_replace(Some(self.outcome.clone()));
    }
}

fn gave_no_answer() -> io::Error {
    io::Error::other("the resolver ended without an answer")
}
