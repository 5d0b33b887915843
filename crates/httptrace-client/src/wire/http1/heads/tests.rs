use proptest::prelude::*;

use super::*;

const MAX_BYTES: usize = 64 * 1024;

/// What the codec was given, the informational heads, and what was taken out.
fn fed(pieces: &[&[u8]]) -> (Vec<u8>, Vec<Vec<u8>>, Option<Surplus>) {
    let mut heads = ResponseHeads::new(MAX_BYTES);
    heads.begin();
    let (mut given, mut informational) = (Vec::new(), Vec::new());
    for piece in pieces {
        let fed = heads.feed(piece);
        given.extend(fed.instead.unwrap_or_else(|| piece.to_vec()));
        informational.extend(fed.informational);
    }
    (given, informational, heads.take_surplus())
}

fn head_of(fields: impl IntoIterator<Item = String>) -> Vec<u8> {
    let mut head = String::from("HTTP/1.1 200 OK\r\n");
    for field in fields {
        head.push_str(&field);
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    head.into_bytes()
}

#[test]
fn a_head_of_few_fields_is_passed_as_it_is() {
    let bytes = b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody\n\n";
    let mut heads = ResponseHeads::new(MAX_BYTES);
    heads.begin();
    assert_eq!(heads.feed(bytes), Fed::default());
    assert!(heads.is_over());
    assert_eq!(heads.take_surplus(), None);
}

#[test]
fn informational_heads_are_told_with_their_fields_and_passed() {
    let bytes =
        b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 100\r\n\r\nHTTP/1.1 200 OK\r\n\r\n";
    let (given, informational, surplus) = fed(&[bytes]);
    assert_eq!(given, bytes);
    assert_eq!(
        informational,
        [
            &b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n"[..],
            b"HTTP/1.1 100\r\n\r\n"
        ]
    );
    assert_eq!(surplus, None);
}

#[test]
fn an_informational_head_without_an_end_is_given_up_at_the_limit() {
    let fold = format!("{}\r\n", " ".repeat(MAX_BYTES / 4));
    let mut pieces = vec![&b"HTTP/1.1 103 Early Hints\r\nA: b\r\n"[..]];
    pieces.extend([fold.as_bytes(); 4]);
    pieces.push(b"\r\nHTTP/1.1 200 OK\r\n\r\n");
    let (_, informational, surplus) = fed(&pieces);
    assert!(informational.is_empty());
    assert!(surplus.unwrap().is_too_much);
}

#[test]
fn a_switch_of_protocols_is_no_informational_head() {
    let (_, informational, _) = fed(&[b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"]);
    assert!(informational.is_empty());
}

#[test]
fn what_follows_the_head_is_not_looked_at() {
    let (given, informational, _) =
        fed(&[b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n"]);
    assert!(given.ends_with(b"103 Early Hints\r\n\r\n"));
    assert!(informational.is_empty());
}

#[test]
fn fields_beyond_the_eightieth_are_taken_out_but_those_of_the_connection_stay() {
    let fields = (0..100).map(|n| format!("x-{n}: {n}"));
    let fields = fields.chain(["Content-Length : 3".into(), "x-last: 1".into()]);
    let mut bytes = head_of(fields);
    bytes.extend_from_slice(b"abc");
    let (given, _, surplus) = fed(&[&bytes]);
    let given = String::from_utf8(given).unwrap();
    assert!(given.contains("x-79: 79\r\nContent-Length : 3\r\n\r\nabc"));
    let surplus = String::from_utf8(surplus.unwrap().lines).unwrap();
    assert!(surplus.starts_with("x-80: 80\r\nx-81"));
    assert!(surplus.ends_with("x-99: 99\r\nx-last: 1\r\n"));
}

#[test]
fn a_folded_line_goes_where_its_field_goes() {
    let fields = (0..82).map(|n| format!("x-{n}: a\r\n b"));
    let (given, _, surplus) = fed(&[&head_of(fields)]);
    assert!(given.ends_with(b"x-79: a\r\n b\r\n\r\n"));
    assert_eq!(
        surplus.unwrap().lines,
        b"x-80: a\r\n b\r\nx-81: a\r\n b\r\n"
    );
}

#[test]
fn too_many_fields_are_left_to_the_codec() {
    let bytes = head_of((0..600).map(|n| format!("x-{n}: {n}")));
    let (given, _, surplus) = fed(&[&bytes]);
    assert!(surplus.unwrap().is_too_much);
    // More than the codec takes.
    assert!(given.iter().filter(|byte| **byte == b'\n').count() > 102);
}

#[test]
fn lines_as_short_as_can_be_are_counted_however_they_are_split() {
    let bytes = [&b"HTTP/1.1 200\n"[..], &b"a\n".repeat(100), b"\r\n\r\n"].concat();
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(fed(&single), fed(&[&bytes]));
    assert!(fed(&[&bytes]).2.is_some());
}

#[test]
fn a_line_that_breaks_off_is_withheld() {
    let mut bytes = head_of((0..81).map(|n| format!("x-{n}: {n}")));
    bytes.truncate(bytes.len() - 6);
    let mut heads = ResponseHeads::new(MAX_BYTES);
    heads.begin();
    let given = heads.feed(&bytes).instead.unwrap();
    assert_eq!([&given, heads.withheld()].concat(), bytes);
    assert!(!heads.withheld().is_empty());
}

#[test]
fn a_line_without_an_end_is_left_to_the_codec() {
    let fields = (0..80).map(|n| format!("x-{n}: {n}"));
    let mut bytes = head_of(fields);
    bytes.truncate(bytes.len() - 2);
    let long = [b'y'; MAX_BYTES];
    let (given, _, surplus) = fed(&[&bytes, &long, &long]);
    assert_eq!(given, [&bytes[..], &long, &long].concat());
    assert!(surplus.unwrap().is_too_much);
}

#[test]
fn the_next_response_starts_over() {
    let mut heads = ResponseHeads::new(MAX_BYTES);
    heads.begin();
    heads.feed(&head_of((0..90).map(|n| format!("x-{n}: {n}"))));
    heads.begin();
    assert!(!heads.is_over());
    heads.feed(b"HTTP/1.1 204 No Content\r\n\r\n");
    assert!(heads.is_over());
    assert_eq!(heads.take_surplus(), None);
}

fn response() -> impl Strategy<Value = Vec<u8>> {
    let line_end = prop_oneof![4 => Just("\r\n"), 1 => Just("\n")];
    let field = ("[a-zA-Z-]{1,8}", "[ -~]{0,6}", "(\r\n[ \t]x)?")
        .prop_map(|(name, value, folded)| format!("{name}: {value}{folded}"));
    let framing = prop_oneof![
        Just(String::from("content-length: 3")),
        Just(String::from("Connection: close")),
        Just(String::from("TRANSFER-ENCODING: chunked")),
    ];
    let field = prop_oneof![20 => field, 1 => framing];
    let status = prop_oneof![Just(100), Just(103), Just(101), Just(200), Just(404)];
    let head = (
        status,
        proptest::collection::vec((field, line_end.clone()), 0..160),
        line_end,
    )
        .prop_map(|(status, fields, end)| {
            let mut head = format!("HTTP/1.1 {status} x\r\n");
            for (field, end) in fields {
                head.push_str(&field);
                head.push_str(end);
            }
            head.push_str(end);
            head
        });
    (
        proptest::collection::vec(head, 1..4),
        proptest::collection::vec(any::<u8>(), 0..40),
    )
        .prop_map(|(heads, body)| {
            let mut bytes = heads.concat().into_bytes();
            bytes.extend_from_slice(&body);
            bytes
        })
}

proptest! {
    #[test]
    fn splitting_the_bytes_anywhere_changes_nothing(
        bytes in response(),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.sort_unstable();
        let mut pieces = Vec::new();
        let mut from = 0;
        for cut in cuts.into_iter().chain([bytes.len()]) {
            pieces.push(&bytes[from..cut]);
            from = cut;
        }
        prop_assert_eq!(fed(&pieces), fed(&[&bytes]));
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        prop_assert_eq!(fed(&single), fed(&[&bytes]));
    }

    #[test]
    fn nothing_is_lost_and_nothing_is_new(bytes in response()) {
        let (given, _, surplus) = fed(&[&bytes]);
        let surplus = surplus.map_or(Vec::new(), |surplus| surplus.lines);
        let sorted = |mut bytes: Vec<u8>| {
            bytes.sort_unstable();
            bytes
        };
        prop_assert_eq!(sorted([given, surplus].concat()), sorted(bytes));
    }

    #[test]
    fn no_bytes_make_it_panic(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..50), 0..8)) {
        let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
        fed(&pieces);
    }
}
