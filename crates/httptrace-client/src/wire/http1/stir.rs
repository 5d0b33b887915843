//! Whether a stream has anything to read, as far as it has said so.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Wake, Waker};

/// Stands between a stream and its reader: passes on that the reader is woken up, and remembers it.
///
/// So whoever takes an idle connection need not drive it to learn that nothing has come.
pub(super) struct Stir {
    memory: Arc<Memory>,
    waker: Waker,
    reader: Waker,
}

/// What is remembered of a stream.
#[derive(Default)]
pub(super) struct Memory {
    /// The latest read found nothing, and the reader was not woken up since: it still stands below.
    quiet: AtomicBool,
    /// Whom to wake up, once.
    reader: Mutex<Option<Waker>>,
}

impl Stir {
    pub(super) fn new(memory: Arc<Memory>) -> Self {
        Self {
            waker: Waker::from(Arc::clone(&memory)),
            memory,
            reader: Waker::noop().clone(),
        }
    }

    /// Whether the stream has found nothing for this reader, and has yet to wake it up.
    pub(super) fn is_waiting(&self, reader: &Waker) -> bool {
        // Being woken up meanwhile has it ask once more.
        self.memory.is_quiet() && self.reader.will_wake(reader)
    }

    /// Reads from the stream for a reader.
    pub(super) fn read<T>(
        &mut self,
        reader: &Waker,
        read: impl FnOnce(&Waker) -> Poll<T>,
    ) -> Poll<T> {
        if !self.is_waiting(reader) {
            self.reader.clone_from(reader);
            self.memory.wait(reader);
        }
        let read = read(&self.waker);
        if read.is_ready() {
            self.memory.disturb();
        }
        read
    }
}

impl Memory {
    pub(super) fn is_quiet(&self) -> bool {
        self.quiet.load(Ordering::Relaxed)
    }

    /// There may be something to read.
    pub(super) fn disturb(&self) {
        self.quiet.store(false, Ordering::Relaxed);
    }

    /// It is quiet from here on, until it wakes up this reader.
    fn wait(&self, waker: &Waker) {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        self.quiet.store(true, Ordering::Relaxed);
        if reader.as_ref().is_some_and(|known| known.will_wake(waker)) {
            return;
        }
        let before = reader.replace(waker.clone());
        // A waker may do anything when it is dropped.
        drop(reader);
        drop(before);
    }
}

impl Wake for Memory {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let reader = {
            let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
            self.disturb();
            reader.take()
        };
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Reads nothing; returns the waker that the stream would keep.
    fn wait(stir: &mut Stir, reader: &Waker) -> Waker {
        let mut kept = Waker::noop().clone();
        let read = stir.read(reader, |waker| {
            kept.clone_from(waker);
            Poll::<()>::Pending
        });
        assert!(read.is_pending());
        kept
    }

    #[test]
    fn a_stream_is_quiet_from_a_read_that_found_nothing_until_it_wakes_its_reader() {
        let memory = Arc::new(Memory::default());
        let mut stir = Stir::new(Arc::clone(&memory));
        let wakes = Arc::new(Wakes::default());
        let reader = Waker::from(Arc::clone(&wakes));
        assert!(!memory.is_quiet());
        for round in 1..4 {
            wait(&mut stir, &reader);
            let kept = wait(&mut stir, &reader);
            assert!(memory.is_quiet());
            kept.wake_by_ref();
            assert!(!memory.is_quiet());
            kept.wake();
            assert_eq!(wakes.0.load(Ordering::Relaxed), round);
            assert!(stir.read(&reader, |_| Poll::Ready(())).is_ready());
            assert!(!memory.is_quiet());
        }
    }

    #[test]
    fn a_reader_waits_for_what_it_alone_has_asked_for() {
        let memory = Arc::new(Memory::default());
        let mut stir = Stir::new(Arc::clone(&memory));
        let readers = [(); 2].map(|()| Waker::from(Arc::<Wakes>::default()));
        assert!(!stir.is_waiting(&readers[0]));
        wait(&mut stir, &readers[0]);
        assert!(stir.is_waiting(&readers[0]) && !stir.is_waiting(&readers[1]));
        wait(&mut stir, &readers[1]).wake();
        assert!(!stir.is_waiting(&readers[1]));
        wait(&mut stir, &readers[1]);
        memory.disturb();
        assert!(!stir.is_waiting(&readers[1]));
    }

    #[test]
    fn being_woken_up_while_it_reads_is_not_lost() {
        let mut stir = Stir::new(Arc::default());
        let wakes = Arc::<Wakes>::default();
        let reader = Waker::from(Arc::clone(&wakes));
        let read = stir.read(&reader, |waker| {
            waker.wake_by_ref();
            Poll::<()>::Pending
        });
        assert!(read.is_pending() && !stir.is_waiting(&reader));
        wait(&mut stir, &reader).wake();
        assert_eq!(wakes.0.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn the_latest_reader_is_woken_up() {
        let mut stir = Stir::new(Arc::default());
        let wakes = [Arc::<Wakes>::default(), Arc::default()];
        let readers = wakes.each_ref().map(|wakes| Waker::from(Arc::clone(wakes)));
        for (reader, told) in [(0, [1, 0]), (1, [1, 1]), (1, [1, 2]), (0, [2, 2])] {
            wait(&mut stir, &readers[1 - reader]);
            wait(&mut stir, &readers[reader]).wake();
            let woken = wakes
                .each_ref()
                .map(|wakes| wakes.0.load(Ordering::Relaxed));
            assert_eq!(woken, told);
        }
    }
}
