use std::collections::VecDeque;
use std::task::Waker;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// What a body does when it is asked for its next piece.
#[derive(Clone, Debug)]
enum Turn {
    Data(usize),
    NotYet,
    Fail,
}

/// A body that does these things, and says that it is at its end as soon as it knows, or never.
struct Scripted {
    turns: VecDeque<Turn>,
    knows_its_end: bool,
}

impl HttpBody for Scripted {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Poll::Ready(match self.turns.pop_front() {
            None => None,
            Some(Turn::NotYet) => return Poll::Pending,
            Some(Turn::Fail) => Some(Err("the disk is gone".into())),
            Some(Turn::Data(size)) => Some(Ok(Frame::data(vec![b'x'; size].into()))),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.knows_its_end && self.turns.is_empty()
    }
}

/// How a body ended for the codec, with the bytes that it was given.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Whole,
    Failed(String),
}

/// Takes frames as the codec does: until the announced length is reached, or the end, or a failure.
fn pull(mut body: SendBody) -> (u64, End) {
    let mut cx = Context::from_waker(Waker::noop());
    let mut given = 0;
    let announced = body.0.as_ref().map_or(Some(0), |content| content.owed);
    loop {
        if announced == Some(given) || (announced.is_none() && body.is_end_stream()) {
            return (given, End::Whole);
        }
        match Pin::new(&mut body).poll_frame(&mut cx) {
            Poll::Pending => {}
            Poll::Ready(None) => return (given, End::Whole),
            Poll::Ready(Some(Err(failure))) => return (given, End::Failed(failure.to_string())),
            Poll::Ready(Some(Ok(frame))) => {
                given += frame.data_ref().map_or(0, Bytes::len) as u64;
            }
        }
    }
}

fn any_turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        8 => (0..5_usize).prop_map(Turn::Data),
        3 => Just(Turn::NotYet),
        1 => Just(Turn::Fail),
    ]
}

proptest! {
    #[test]
    fn the_codec_gets_all_of_a_body_of_the_right_length_and_never_as_much_of_another(
        turns in vec(any_turn(), 0..8),
        announced in prop_oneof![Just(None), (1..12_u64).prop_map(Some)],
        knows_its_end in any::<bool>(),
    ) {
        let sizes = turns.iter().map_while(|turn| match turn {
            Turn::Data(size) => Some(*size as u64),
            Turn::NotYet => Some(0),
            Turn::Fail => None,
        });
        let length = sizes.sum::<u64>();
        let fails = turns.iter().any(|turn| matches!(turn, Turn::Fail));
        let scripted = Scripted { turns: turns.clone().into(), knows_its_end };
        let (given, end) = pull(SendBody::new(Body::wrap(scripted), announced, Vec::new()));
        let is_right = !fails && announced.is_none_or(|announced| announced == length);
        if is_right {
            prop_assert_eq!((given, end), (length, End::Whole));
        } else {
            prop_assert!(matches!(end, End::Failed(_)), "{:?}", end);
            prop_assert!(announced.is_none_or(|announced| given < announced));
        }
    }

    #[test]
    fn a_body_without_an_announced_length_is_handed_on_piece_by_piece(
        sizes in vec(1..50_usize, 0..8),
    ) {
        let turns = sizes.iter().map(|size| Turn::Data(*size)).collect();
        let scripted = Scripted { turns, knows_its_end: false };
        let mut body = SendBody::new(Body::wrap(scripted), None, Vec::new());
        let mut cx = Context::from_waker(Waker::noop());
        for size in sizes {
            let Poll::Ready(Some(Ok(frame))) = Pin::new(&mut body).poll_frame(&mut cx) else {
                panic!("a piece");
            };
            prop_assert_eq!(frame.data_ref().map(Bytes::len), Some(size));
        }
        prop_assert!(matches!(Pin::new(&mut body).poll_frame(&mut cx), Poll::Ready(None)));
    }
}

#[test]
fn a_body_that_knows_its_end_is_not_held_back_at_all() {
    let scripted = Scripted {
        turns: VecDeque::from([Turn::Data(3)]),
        knows_its_end: true,
    };
    let mut body = SendBody::new(Body::wrap(scripted), Some(3), Vec::new());
    let mut cx = Context::from_waker(Waker::noop());
    let frame = Pin::new(&mut body).poll_frame(&mut cx);
    assert!(matches!(frame, Poll::Ready(Some(Ok(_)))));
    assert!(body.is_end_stream());
}

#[test]
fn a_body_made_of_bytes_is_at_its_end_with_its_only_piece() {
    let mut body = SendBody::new(Body::from("abc"), Some(3), Vec::new());
    let mut cx = Context::from_waker(Waker::noop());
    let frame = Pin::new(&mut body).poll_frame(&mut cx);
    assert!(matches!(frame, Poll::Ready(Some(Ok(_)))));
    assert!(body.is_end_stream());
}
