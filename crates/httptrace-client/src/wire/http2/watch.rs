//! The ledger as those see it who drive the connection.

use std::iter;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use std::time::Instant;

use httptrace::Emitter;
use rustls::AlertDescription;

use super::greeting::Greeting;
use super::ledger::{Ledger, Now};
use super::slots::Reserved;
use super::stream::Opening;
use super::stream_watch::StreamWatch;
use super::tell::Said;
use crate::wire::told::Written;

/// What the tap has seen of a connection; shared with whoever drives it and with its requests.
#[derive(Clone)]
pub(crate) struct Watch(Arc<Mutex<Ledger>>);

/// What is so after a turn of the driver's.
pub(crate) struct Turn {
    /// A request may find room now where there was none, or none where there was.
    pub(crate) is_freed: bool,
    /// Something was read.
    pub(crate) is_heard: bool,
    /// Nothing more will be read.
    pub(crate) is_deaf: bool,
    /// There is nothing left for the connection to do but to end.
    pub(crate) is_leaving: bool,
}

impl Watch {
    /// `own`: whom to tell of the connection while no request is on it. `dial`: whom to tell of the settings that come
    /// before there was one.
    pub(crate) fn new(own: Emitter, dial: Emitter) -> Self {
        let ledger = Ledger::new(own, dial, crate::clock::now());
        Self(Arc::new(Mutex::new(ledger)))
    }

    /// Takes a stream, if the connection takes requests and the peer allows one more.
    pub(crate) fn reserve(&self) -> Option<Reserved> {
        self.lock().slots.reserve(&mut Now::default())
    }

    /// Takes a stream that is not there any more, for the request that the connection was made for.
    pub(crate) fn claim(&self) {
        self.lock().slots.claim();
    }

    /// A request has the stream that was taken. Returns whether others had one before.
    pub(crate) fn take_up(&self) -> bool {
        self.lock().slots.take_up()
    }

    /// A stream that was taken is given back unused.
    pub(crate) fn give_back(&self) {
        self.lock().slots.give_back(&mut Now::default());
    }

    /// No more streams are given out.
    pub(crate) fn retire(&self) {
        self.tell_after(Ledger::retire);
    }

    /// The connection is of no use to anybody any more.
    pub(crate) fn doom(&self) {
        self.tell_after(|ledger| {
            ledger.is_doomed = true;
            ledger.retire();
        });
    }

    pub(crate) fn is_retired(&self) -> bool {
        self.lock().slots.is_retired()
    }

    /// Whether no stream is taken.
    pub(crate) fn is_idle(&self) -> bool {
        self.lock().slots.is_idle()
    }

    /// Whether no request has a stream: those that are left, if any, end with a reset that is on its way.
    pub(crate) fn is_unused(&self) -> bool {
        self.lock().slots.is_unused()
    }

    /// Since when no stream is taken.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        self.lock().slots.idle_since()
    }

    /// Whether a request may find room now where there was none, or none where there was, since this was last asked.
    pub(crate) fn take_freed(&self) -> bool {
        self.lock().slots.take_freed()
    }

    /// Whether nothing more will be read.
    pub(crate) fn is_deaf(&self) -> bool {
        self.lock().is_deaf
    }

    /// The alert by which the peer ended the TLS session, if it did.
    pub(crate) fn alert(&self) -> Option<AlertDescription> {
        self.lock().alert
    }

    /// What the peer's GOAWAY said, if there was one.
    pub(crate) fn go_away(&self) -> Option<Said> {
        self.lock().go_away.clone()
    }

    /// What the peer said first.
    pub(crate) fn greeting(&self) -> Greeting {
        self.lock().beginning.greeting()
    }

    /// What our GOAWAY said, if there was one.
    pub(crate) fn farewell(&self) -> Option<Said> {
        self.lock().farewell.clone()
    }

    /// How large the peer lets a request's header list be, if it has said so.
    pub(crate) fn max_header_list(&self) -> Option<u32> {
        self.lock().max_header_list
    }

    /// Opens a stream that was taken: `send` hands the request to the codec, and says which number it got. The codec does
    /// not write meanwhile, so that the stream is known before its HEADERS can leave.
    pub(crate) fn open<T, E>(
        &self,
        opening: Opening,
        send: impl FnOnce() -> Result<(u32, T), E>,
    ) -> Result<(StreamWatch, T), E> {
        let mut ledger = self.lock();
        let (id, value) = send()?;
        ledger.open(id, opening);
        drop(ledger);
        Ok((StreamWatch::new(self.clone(), id), value))
    }

    /// For the driver, after the codec had its turn: settles what requests wait for that came to have data, and says what
    /// came of the turn. Wakes it when there are more of them, and when there is nothing left to do but to end.
    pub(crate) fn settle(&self, cx: &Context<'_>) -> Turn {
        self.tell_after(|ledger| {
            if !ledger
                .driver
                .as_ref()
                .is_some_and(|driver| driver.will_wake(cx.waker()))
            {
                ledger.driver = Some(cx.waker().clone());
            }
            for id in std::mem::take(&mut ledger.unsettled) {
                ledger.balance(id, &mut Now::default());
            }
            Turn {
                is_freed: ledger.slots.is_freed(),
                is_heard: std::mem::take(&mut ledger.heard),
                is_deaf: ledger.is_deaf,
                is_leaving: ledger.is_leaving(),
            }
        })
    }

    /// The connection has ended: returns whom to tell, before those who wait for it go on.
    pub(crate) fn end(&self) -> Vec<Emitter> {
        self.tell_after(|ledger| ledger.end(&mut Now::default()))
    }

    /// The end was told.
    pub(crate) fn ended(&self) {
        let mourners = {
            let mut ledger = self.lock();
            ledger.is_end_told = true;
            std::mem::take(&mut ledger.mourners)
        };
        mourners.into_iter().for_each(Waker::wake);
    }

    /// The stream accepted bytes. Returns whether they end something that is told of when it is flushed.
    pub(super) fn wrote<'a>(
        &self,
        accepted: usize,
        buffers: impl IntoIterator<Item = &'a [u8]>,
    ) -> bool {
        self.tell_after(|ledger| {
            let mut rest = accepted;
            let taken = buffers.into_iter().map(|buffer| {
                let taken = rest.min(buffer.len());
                rest -= taken;
                &buffer[..taken]
            });
            ledger.wrote(taken, &mut Now::default())
        })
    }

    /// All that was accepted has left. `carried` is empty before and after.
    pub(super) fn flushed(&self, carried: &mut Vec<Written>) {
        let mut ledger = self.lock();
        if !ledger.dirty {
            return;
        }
        let mut now = Now::default();
        ledger.flushed(&mut now, carried);
        if !carried.is_empty() {
            // Whatever others see of it comes later.
            now.get();
        }
        tell(ledger, carried.drain(..), now);
    }

    pub(super) fn read(&self, bytes: &[u8]) {
        self.tell_after(|ledger| ledger.read(bytes, &mut Now::default()));
    }

    /// Nothing more will be read, because of this alert if there was one: the codec does not tell. Says whether the last
    /// frame is whole.
    pub(super) fn deafened(&self, alert: Option<AlertDescription>) -> bool {
        let mut ledger = self.lock();
        ledger.is_deaf = true;
        ledger.alert = alert;
        !ledger.is_frame_missing_bytes()
    }

    /// Does something with the ledger, and tells what came of it when the lock is gone.
    pub(super) fn tell_after<T>(&self, act: impl FnOnce(&mut Ledger) -> T) -> T {
        let mut ledger = self.lock();
        let value = act(&mut ledger);
        tell(ledger, iter::empty(), Now::default());
        value
    }

    #[cfg(any(test, fuzzing))]
    pub(super) fn look<T>(&self, at: impl FnOnce(&mut Ledger) -> T) -> T {
        at(&mut self.lock())
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets the lock go, and tells what a flush carried at this time, and then all else.
fn tell(
    mut ledger: MutexGuard<'_, Ledger>,
    carried: impl ExactSizeIterator<Item = Written>,
    mut now: Now,
) {
    if carried.len() == 0 && ledger.tellings.is_empty() && ledger.wakers.is_empty() {
        // As it is with most that passes.
        return;
    }
    let tellings = std::mem::take(&mut ledger.tellings);
    let wakers = std::mem::take(&mut ledger.wakers);
    drop(ledger);
    for written in carried {
        written.tell(now.get());
    }
    for telling in tellings {
        telling.tell();
    }
    wakers.into_iter().for_each(Waker::wake);
}
