use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn whatever_happens_is_told_in_order_and_however_the_bytes_are_split(
        script in vec(any::<u8>(), 0..400),
        piece in 1..40_usize,
    ) {
        let whole = tap_told(&script, usize::MAX);
        let split = tap_told(&script, piece);
        prop_assert_eq!(split, whole);
    }
}

#[test]
fn data_of_a_request_that_nobody_asks_for_waits_for_nothing() {
    const ACTS: &[&[u8]] = &[
        // A request's head leaves, it has data for a window and more, and is forgotten.
        b"\0\0\x04\x01\x04\x01\x01x\x08\x0a\x01\xff\x0a\x01\x01\x0c\x01",
        // The codec uses the window up.
        b"\x04\0\0\x01\xff\x08",
    ];
    let told = tap_told(&ACTS.concat(), usize::MAX);
    let events = told.events[&1].concat();
    assert!(events.contains("WroteRequest"), "{events}");
    assert!(!events.contains("FlowControlWait"), "{events}");
}
