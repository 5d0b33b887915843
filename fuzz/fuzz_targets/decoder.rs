//! Decoding of bodies: it comes to an end, stays within its limit, and comes to the same however the body is split.
#![no_main]

use httptrace_client::DecodeError;
use httptrace_client::fuzzing::{DecodedBody, decode};
use httptrace_fuzz::CODINGS;
use libfuzzer_sys::fuzz_target;

/// Above this, even a bomb tells nothing new.
const LIMIT: u64 = 256 * 1024;
/// How far the place of a flaw may be off.
const EXACT: u64 = 256;

// The coding, the size of the pieces, the body.
fuzz_target!(|input: (u8, u8, &[u8])| {
    let (coding, size, body) = input;
    let codings = CODINGS[usize::from(coding) % CODINGS.len()];
    let of = |pieces: &[&[u8]], limit| -> DecodedBody {
        let decoded = decode(codings, pieces, limit).expect("a coding that is known");
        assert!(decoded.data.len() as u64 <= limit);
        // An empty member takes few bytes, an empty block of zstd three: many rounds for few bytes are a way to be kept busy.
        assert!(decoded.rounds <= 4 * (body.len() + decoded.data.len()) + 16);
        decoded
    };
    let whole = of(&[body], LIMIT);
    let pieces: Vec<&[u8]> = body.chunks(usize::from(size).max(1)).collect();
    let split = of(&pieces, LIMIT);
    assert_eq!(split.error.is_some(), whole.error.is_some());
    match (&split.error, codings) {
        // The libraries of the others keep to themselves what a flaw comes right behind of.
        (Some(_), "gzip" | "deflate") | (None, _) => assert_eq!(split.data, whole.data),
        _ => assert!(split.data.starts_with(&whole.data) || whole.data.starts_with(&split.data)),
    }
    // What is inside of something else has no place of its own. How exact the others are depends on their libraries,
    // which find some flaws when they have read on.
    if let (Some(split), Some(whole), false) = (&split.error, &whole.error, codings.contains(',')) {
        assert_eq!(split.coding(), whole.coding());
        let apart = split.position().abs_diff(whole.position());
        assert!(apart <= EXACT, "{split} or {whole}");
    }
    if let Some(error) = &whole.error {
        assert!(error.position() <= body.len() as u64, "{error}");
    }
    let limit = whole.data.len() as u64 / 2;
    let limited = of(&pieces, limit);
    assert!(whole.data.starts_with(&limited.data));
    if whole.data.len() as u64 > limit {
        let is_too_long = limited.error.as_ref().is_some_and(DecodeError::is_too_long);
        // What is broken further on may be found before what comes ahead of it is handed out.
        assert!(is_too_long || (whole.error.is_some() && limited.error.is_some()));
        if is_too_long {
            assert_eq!(limited.data.len() as u64, limit);
        }
    }
});
