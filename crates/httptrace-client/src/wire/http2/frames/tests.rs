use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// A frame as it goes over the wire.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// What is said, with the payload of DATA added up.
fn facts(decoder: &mut FrameDecoder, pieces: &[&[u8]]) -> Vec<(String, FrameHead, Vec<u8>)> {
    let mut said = Vec::new();
    let mut data = 0;
    for piece in pieces {
        decoder.feed(piece, |fact| match fact {
            Fact::Head(head) => {
                data = 0;
                said.push(("head".into(), head, Vec::new()));
            }
            Fact::Data(_, bytes) => data += bytes,
            Fact::Done(head, payload) => {
                said.push((format!("done {data}"), head, payload.to_vec()));
            }
        });
    }
    said
}

#[test]
fn a_frame_is_told_at_its_head_and_at_its_end() {
    let mut decoder = FrameDecoder::default();
    let bytes = frame(kind::RST_STREAM, 0, 0x8000_0005, &8u32.to_be_bytes());
    let said = facts(&mut decoder, &[&bytes]);
    let head = FrameHead {
        length: 4,
        kind: kind::RST_STREAM,
        flags: 0,
        stream: 5,
    };
    let done = ("done 0".to_owned(), head, 8u32.to_be_bytes().to_vec());
    assert_eq!(said, [("head".to_owned(), head, Vec::new()), done]);
}

#[test]
fn a_frame_without_a_payload_is_over_with_its_head() {
    let mut decoder = FrameDecoder::default();
    let said = facts(&mut decoder, &[&frame(kind::SETTINGS, 1, 0, b"")]);
    assert_eq!(said.len(), 2);
    assert!(said[1].1.is_ack() && !decoder.is_within_head());
}

#[test]
fn the_preface_of_a_client_is_no_frame() {
    let mut decoder = FrameDecoder::of_client();
    let mut bytes = PREFACE.to_vec();
    bytes.extend(frame(kind::SETTINGS, 0, 0, b""));
    let pieces: Vec<_> = bytes.chunks(5).collect();
    assert_eq!(facts(&mut decoder, &pieces).len(), 2);
}

#[test]
fn no_more_of_a_payload_is_kept_than_can_be_of_use() {
    let mut decoder = FrameDecoder::default();
    let long = vec![7; 16_000];
    let said = facts(&mut decoder, &[&frame(kind::GOAWAY, 0, 0, &long)]);
    assert_eq!(said[1].2.len(), KEPT);
}

proptest! {
    #[test]
    fn how_the_bytes_are_split_makes_no_difference(
        frames in vec((0u8..12, any::<u8>(), any::<u32>(), vec(any::<u8>(), 0..40)), 0..8),
        cuts in vec(1usize..30, 1..40),
    ) {
        let bytes: Vec<u8> = frames
            .iter()
            .flat_map(|(kind, flags, stream, payload)| frame(*kind, *flags, *stream, payload))
            .collect();
        let whole = facts(&mut FrameDecoder::default(), &[&bytes]);
        let mut pieces = Vec::new();
        let (mut rest, mut cuts) = (bytes.as_slice(), cuts.into_iter().cycle());
        while let (false, Some(cut)) = (rest.is_empty(), cuts.next()) {
            let (piece, after) = rest.split_at(cut.min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        prop_assert_eq!(facts(&mut FrameDecoder::default(), &pieces), whole);
    }
}
