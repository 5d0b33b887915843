use std::time::Duration;

use httptrace::ClientTrace;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const END_STREAM: u8 = 0x1;
const ACK: u8 = 0x1;
const END_HEADERS: u8 = 0x4;

/// An emitter to which everything is told.
fn emitter() -> Emitter {
    let trace = ClientTrace::new().on_event(|_| {});
    Emitter::for_trace(&trace, clock::now)
}

/// A frame as it goes over the wire.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

fn settings(id: u16, value: u32) -> Vec<u8> {
    let payload = [&id.to_be_bytes()[..], &value.to_be_bytes()].concat();
    frame(kind::SETTINGS, 0, 0, &payload)
}

fn window_update(stream: u32, more: u32) -> Vec<u8> {
    frame(kind::WINDOW_UPDATE, 0, stream, &more.to_be_bytes())
}

fn go_away(last: u32, code: u32) -> Vec<u8> {
    let payload = [last.to_be_bytes(), code.to_be_bytes()].concat();
    frame(kind::GOAWAY, 0, 0, &payload)
}

/// A ledger, and the time.
struct Rig {
    ledger: Ledger,
    begun: Instant,
    ms: u64,
}

impl Rig {
    fn new() -> Self {
        let begun = Instant::now();
        let mut ledger = Ledger::new(emitter(), Emitter::none(), begun);
        ledger.wrote([PREFACE], &mut Now::at(begun));
        let ms = 0;
        Self { ledger, begun, ms }
    }

    fn now(&self) -> Now {
        Now::at(self.begun + Duration::from_millis(self.ms))
    }

    fn open(&mut self, id: u32) {
        let opening = Opening {
            emitter: emitter(),
            fields: Vec::new(),
            holds_body: false,
        };
        self.ledger.slots.reserve(&mut self.now()).unwrap();
        self.ledger.open(id, opening);
    }

    /// Opens a stream whose HEADERS leave at once.
    fn begin(&mut self, id: u32, flags: u8) {
        self.open(id);
        self.wrote(&frame(kind::HEADERS, END_HEADERS | flags, id, b"x"));
        self.flushed();
    }

    fn wrote(&mut self, bytes: &[u8]) -> bool {
        self.ledger.wrote([bytes], &mut self.now())
    }

    fn read(&mut self, bytes: &[u8]) {
        self.ledger.read(bytes, &mut self.now());
    }

    /// What a flush carried: whether the head, how many bytes of body, whether the end.
    fn flushed(&mut self) -> Vec<(bool, u64, bool)> {
        let mut carried = Vec::new();
        self.ledger.flushed(&mut self.now(), &mut carried);
        let carried = carried.into_iter();
        carried
            .map(|part| (part.head, part.body_bytes, part.end.is_some()))
            .collect()
    }

    /// The request's body has so many bytes for the codec, and gives them.
    fn give(&mut self, id: u32, bytes: u64) {
        self.ledger.streams.get_mut(id).unwrap().given += bytes;
        self.ledger.balance(id, &mut self.now());
    }

    fn is_closed(&self, id: u32) -> bool {
        self.ledger.streams.get(id).unwrap().closed
    }

    /// What is to be told since this was last asked, each with its time.
    fn told(&mut self) -> Vec<(u64, String)> {
        let tellings = std::mem::take(&mut self.ledger.tellings).into_iter();
        let begun = self.begun;
        let told = tellings.map(|telling| {
            let at = telling.at.duration_since(begun).as_millis();
            (u64::try_from(at).unwrap(), words(&telling.what))
        });
        told.collect()
    }
}

fn words(what: &What) -> String {
    match what {
        What::FirstByte => "first byte".to_owned(),
        What::Reset(info) => format!(
            "{} reset {}: {}",
            info.by.as_str(),
            info.stream_id,
            info.code
        ),
        What::WaitStart(window) => format!("waits for {}", window.as_str()),
        What::WaitDone(window, None) => format!("has {}", window.as_str()),
        What::WaitDone(window, Some(_)) => format!("gives up {}", window.as_str()),
        What::GoAway(said) => format!("{} go away: {}", said.by.as_str(), said.code),
        What::Settings(_) => "settings".to_owned(),
        What::Pong(trip) => format!("pong after {}", trip.as_millis()),
    }
}

fn at(ms: u64, words: &str) -> (u64, String) {
    (ms, words.to_owned())
}

#[test]
fn a_head_has_left_when_the_flush_carried_its_last_frame() {
    let mut rig = Rig::new();
    rig.open(1);
    assert!(!rig.wrote(&frame(kind::HEADERS, END_STREAM, 1, b"begins")));
    assert_eq!(rig.flushed(), []);
    let rest = frame(kind::CONTINUATION, END_HEADERS, 1, b"ends");
    assert!(!rig.wrote(&rest[..10]));
    assert!(rig.wrote(&rest[10..]));
    // END_STREAM was on the first frame, and counts with the last.
    assert_eq!(rig.flushed(), [(true, 0, true)]);
    assert_eq!(rig.flushed(), []);
}

#[test]
fn a_body_has_left_with_the_frame_that_ends_it_though_it_be_empty() {
    let mut rig = Rig::new();
    rig.begin(1, 0);
    rig.wrote(&frame(kind::DATA, 0, 1, b"abc"));
    assert_eq!(rig.flushed(), [(false, 3, false)]);
    rig.wrote(&frame(kind::DATA, END_STREAM, 1, b""));
    assert_eq!(rig.flushed(), [(false, 0, true)]);
}

#[test]
fn the_first_byte_came_when_its_frames_head_began() {
    let mut rig = Rig::new();
    rig.begin(1, END_STREAM);
    rig.read(&frame(kind::SETTINGS, ACK, 0, b""));
    let head = frame(kind::HEADERS, END_HEADERS, 1, b"status");
    for (ms, byte) in (10..).zip(head) {
        rig.ms = ms;
        rig.read(&[byte]);
    }
    assert_eq!(rig.told(), [at(10, "first byte")]);
    rig.read(&frame(kind::HEADERS, END_HEADERS, 1, b"another"));
    assert_eq!(rig.told(), []);
}

#[test]
fn no_other_frame_is_a_first_byte() {
    let mut rig = Rig::new();
    rig.begin(1, END_STREAM);
    rig.read(&window_update(1, 5));
    rig.read(&frame(kind::PING, 0, 0, &[0; 8]));
    rig.read(&frame(kind::HEADERS, END_HEADERS, 3, b"a stranger's"));
    assert_eq!(rig.told(), []);
    rig.read(&frame(kind::RST_STREAM, 0, 1, &8_u32.to_be_bytes()));
    assert_eq!(rig.told(), [at(0, "peer reset 1: CANCEL")]);
}

#[test]
fn a_frame_of_a_wrong_size_or_in_a_wrong_place_tells_nothing() {
    let mut rig = Rig::new();
    rig.begin(1, END_STREAM);
    rig.flushed();
    rig.told();
    rig.read(&frame(kind::RST_STREAM, 0, 1, &[0, 8]));
    rig.read(&frame(kind::GOAWAY, 0, 1, &[0; 8]));
    rig.read(&frame(kind::SETTINGS, 0, 0, &[0; 5]));
    assert_eq!(rig.told(), []);
}

#[test]
fn a_frame_that_is_not_whole_is_known() {
    let mut rig = Rig::new();
    let whole = frame(kind::DATA, 0, 1, b"hello");
    rig.read(&whole);
    assert!(!rig.ledger.is_frame_missing_bytes());
    for part in [&whole[..3], &whole[3..9], &whole[9..12]] {
        rig.read(part);
        assert!(rig.ledger.is_frame_missing_bytes());
    }
    rig.read(&whole[12..]);
    assert!(!rig.ledger.is_frame_missing_bytes());
}

#[test]
fn a_window_that_settings_make_less_than_nothing_must_be_widened_past_that() {
    let mut rig = Rig::new();
    rig.begin(1, 0);
    rig.give(1, 100);
    rig.wrote(&frame(kind::DATA, 0, 1, &[0; 60]));
    assert_eq!(rig.told(), []);
    rig.ms = 10;
    rig.read(&settings(4, 40));
    assert_eq!(rig.told(), [at(10, "settings"), at(10, "waits for stream")]);
    rig.ms = 20;
    rig.read(&window_update(1, 20));
    assert_eq!(rig.told(), []);
    rig.ms = 30;
    rig.read(&window_update(1, 1));
    assert_eq!(rig.told(), [at(30, "has stream")]);
}

#[test]
fn a_connections_window_is_waited_for_by_all_that_owe_data() {
    let mut rig = Rig::new();
    for id in [1, 3, 5] {
        rig.begin(id, 0);
    }
    rig.read(&settings(4, 100_000));
    rig.told();
    rig.give(1, 65_536);
    rig.give(3, 1);
    rig.wrote(&frame(kind::DATA, 0, 1, &[0; 65_535]));
    assert_eq!(rig.told(), vec![at(0, "waits for connection"); 2]);
    rig.ms = 10;
    rig.read(&window_update(0, 1));
    assert_eq!(rig.told(), vec![at(10, "has connection"); 2]);
}

#[test]
fn a_stream_that_is_reset_ends_the_wait_and_frees_its_place() {
    let mut rig = Rig::new();
    rig.read(&[settings(4, 0), settings(3, 1)].concat());
    rig.begin(1, 0);
    assert!(rig.ledger.slots.reserve(&mut rig.now()).is_none());
    rig.give(1, 5);
    rig.told();
    rig.ms = 10;
    rig.read(&frame(kind::RST_STREAM, 0, 1, &7_u32.to_be_bytes()));
    let told = [
        at(10, "peer reset 1: REFUSED_STREAM"),
        at(10, "gives up stream"),
    ];
    assert_eq!(rig.told(), told);
    assert!(rig.ledger.slots.reserve(&mut rig.now()).is_some());
}

#[test]
fn a_reset_of_ours_is_told_when_it_was_flushed_and_once() {
    let mut rig = Rig::new();
    rig.begin(1, 0);
    rig.wrote(&frame(kind::RST_STREAM, 0, 1, &8_u32.to_be_bytes()));
    assert_eq!(rig.told(), []);
    // The peer's may have been on its way.
    rig.read(&frame(kind::RST_STREAM, 0, 1, &2_u32.to_be_bytes()));
    rig.ms = 10;
    rig.flushed();
    assert_eq!(rig.told(), [at(10, "local reset 1: CANCEL")]);
    rig.flushed();
    assert_eq!(rig.told(), []);
}

#[test]
fn go_away_frees_the_streams_that_the_peer_ignores_and_gives_out_no_more() {
    let mut rig = Rig::new();
    for id in [1, 3] {
        rig.begin(id, END_STREAM);
    }
    rig.read(&go_away(1, 0));
    assert_eq!(rig.told(), vec![at(0, "peer go away: NO_ERROR"); 2]);
    assert!(rig.ledger.slots.reserve(&mut rig.now()).is_none());
    assert!(rig.is_closed(3) && !rig.is_closed(1));
    // A later one may say that there are fewer.
    rig.read(&go_away(0, 11));
    assert!(rig.is_closed(1));
    assert!(rig.ledger.slots.is_idle());
}

#[test]
fn what_concerns_the_connection_is_told_to_nobody_twice() {
    let mut rig = Rig::new();
    // Nobody is on it: the client's own trace.
    rig.read(&settings(3, 5));
    assert_eq!(rig.told().len(), 1);
    for id in [1, 3, 5] {
        rig.begin(id, END_STREAM);
    }
    rig.ledger.release(5, &mut Now::default());
    rig.read(&settings(3, 5));
    assert_eq!(rig.told().len(), 2);
}

#[test]
fn a_pings_round_trip_begins_when_it_was_flushed() {
    let mut rig = Rig::new();
    rig.wrote(&frame(kind::PING, 0, 0, b"a ping 1"));
    rig.ms = 10;
    rig.flushed();
    rig.ms = 40;
    rig.read(&frame(kind::PING, ACK, 0, b"another!"));
    assert_eq!(rig.told(), []);
    rig.read(&frame(kind::PING, ACK, 0, b"a ping 1"));
    assert_eq!(rig.told(), [at(40, "pong after 30")]);
}

#[test]
fn a_stream_is_forgotten_when_it_is_over_and_nobody_asks() {
    let mut rig = Rig::new();
    rig.begin(1, END_STREAM);
    rig.read(&frame(kind::HEADERS, END_HEADERS | END_STREAM, 1, b"x"));
    assert!(rig.ledger.slots.is_idle());
    assert_eq!(rig.ledger.streams.len(), 1);
    rig.ledger.release(1, &mut Now::default());
    assert_eq!(rig.ledger.streams.len(), 0);
}

proptest! {
    #[test]
    fn how_the_bytes_are_split_changes_nothing(cuts in vec(0..400_usize, 0..40)) {
        let bytes = [
            settings(4, 7),
            frame(kind::HEADERS, 0, 1, b"a hint"),
            frame(kind::CONTINUATION, END_HEADERS, 1, b"goes on"),
            window_update(0, 9),
            window_update(1, 1),
            frame(kind::HEADERS, END_HEADERS, 3, b"ok"),
            frame(kind::DATA, 0, 3, &[7; 50]),
            frame(kind::RST_STREAM, 0, 1, &2_u32.to_be_bytes()),
            frame(0xfa, 0xff, 3, b"nobody knows"),
            go_away(1, 0),
            frame(kind::DATA, END_STREAM, 3, b""),
        ]
        .concat();
        let told = |cuts: &mut Vec<usize>| {
            let mut rig = Rig::new();
            for id in [1, 3] {
                rig.begin(id, 0);
            }
            rig.give(1, 50);
            rig.wrote(&frame(kind::DATA, 0, 1, &[0; 8]));
            cuts.sort_unstable();
            let mut before = 0;
            for cut in cuts.iter().map(|cut| (*cut).min(bytes.len())) {
                rig.read(&bytes[before..cut]);
                before = cut;
            }
            rig.read(&bytes[before..]);
            (rig.told(), rig.is_closed(3))
        };
        prop_assert_eq!(told(&mut cuts.clone()), told(&mut Vec::new()));
    }
}
