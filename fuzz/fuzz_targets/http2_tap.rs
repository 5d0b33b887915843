//! What the tap of HTTP/2 tells is in order whatever both ends do, and does not depend on how the bytes are split. What is
//! in order, is said beside the play of it.
#![no_main]

use httptrace_client::fuzzing::tap_told;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|script: &[u8]| {
    let whole = tap_told(script, usize::MAX);
    for piece in [1, 7] {
        assert_eq!(tap_told(script, piece), whole, "in pieces of {piece}");
    }
});
