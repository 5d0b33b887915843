//! Whatever frames a peer sends, in whatever order: the call comes to an end, what is told keeps every promise, and
//! nothing is left.

mod rig;

use httptrace::EventName;
use httptrace_test::http2::{Data, Head, Kind, Response, Script, Service};
use httptrace_test::{DuplexPeer, http2};
use proptest::collection::vec;
use proptest::prelude::*;
use rig::Pieces;
use rig::http2::{Told, get, post, told};

/// One thing that a peer does.
#[derive(Clone, Debug)]
enum Doing {
    Head(usize, u16, bool, Vec<usize>),
    Data(usize, usize, bool, u8),
    Trailers(usize),
    Reset(usize, u32),
    GoAway(usize, u32),
    Window(usize, u32),
    Settings(u16, u32),
    Ping,
    Any(u8, u8, usize, Vec<u8>),
    Raw(Vec<u8>),
    Delay(u64),
}

fn doing() -> impl Strategy<Value = Doing> {
    let stream = || 0..4_usize;
    let status = prop_oneof![
        Just(100),
        Just(103),
        Just(101),
        Just(200),
        Just(204),
        Just(304),
        Just(413),
        0..1200_u16
    ];
    let code = || prop_oneof![Just(0_u32), Just(7), Just(8), any::<u32>()];
    prop_oneof![
        4 => (stream(), status, any::<bool>(), vec(0..20_usize, 0..3))
            .prop_map(|(n, status, ends, cuts)| Doing::Head(n, status, ends, cuts)),
        4 => (stream(), 0..3000_usize, any::<bool>(), 0..5_u8)
            .prop_map(|(n, bytes, ends, padding)| Doing::Data(n, bytes, ends, padding)),
        1 => stream().prop_map(Doing::Trailers),
        1 => (stream(), code()).prop_map(|(n, code)| Doing::Reset(n, code)),
        1 => (stream(), code()).prop_map(|(n, code)| Doing::GoAway(n, code)),
        2 => (stream(), prop_oneof![0..200_u32, any::<u32>()])
            .prop_map(|(n, more)| Doing::Window(n, more)),
        2 => (0..9_u16, prop_oneof![0..200_u32, any::<u32>()])
            .prop_map(|(id, value)| Doing::Settings(id, value)),
        1 => Just(Doing::Ping),
        1 => (0..12_u8, any::<u8>(), stream(), vec(any::<u8>(), 0..40))
            .prop_map(|(kind, flags, n, payload)| Doing::Any(kind, flags, n, payload)),
        1 => vec(any::<u8>(), 0..30).prop_map(Doing::Raw),
        2 => (0..30_u64).prop_map(Doing::Delay),
    ]
}

fn does(script: Script, doing: &Doing) -> Script {
    match doing {
        Doing::Head(n, status, ends, cuts) => {
            let head = Head::status(*status).field("x", "y").continued_after(cuts);
            script.send_head(*n, if *ends { head.end_stream() } else { head })
        }
        Doing::Data(n, bytes, ends, padding) => {
            let data = Data::new(vec![b'x'; *bytes]).padded(*padding);
            script.send_data(*n, if *ends { data.end_stream() } else { data })
        }
        Doing::Trailers(n) => script.send_trailers(*n, &[("x-sum", "1")]),
        Doing::Reset(n, code) => script.send_reset(*n, *code),
        Doing::GoAway(n, code) => script.send_go_away(*n, *code, "why"),
        Doing::Window(n, more) => script.send_window_update(*n, *more),
        Doing::Settings(id, value) => script.send_settings(|s| s.entry(*id, *value)),
        Doing::Ping => script.send_ping([3; 8]),
        Doing::Any(kind, flags, n, payload) => {
            script.send_frame(Kind::Other(*kind), *flags, *n, payload.clone())
        }
        Doing::Raw(bytes) => script.send_raw(bytes),
        Doing::Delay(ms) => script.delay(*ms),
    }
}

/// Has two calls at once, one of them with a body, meet these deeds on their first connection. What is sent again on
/// another one is served.
async fn met_with(deeds: &[Doing], piece: usize) -> Told {
    let script = |h: http2::Script| {
        let begun = h.handshake().expect_request(1).in_pieces_of(piece, 0);
        deeds.iter().fold(begun, does).delay(50).close()
    };
    let peer = DuplexPeer::with_buffer(2000).conn(|c| c.client_may_leave().http2(script));
    let service = Service::new(|_| Response::new(200).body("hello"));
    let peer = peer.every_conn(|c| c.client_may_leave().serve_http2(service));
    let build =
        |client: httptrace_client::ClientBuilder| client.http2_strict_max_concurrent_requests(true);
    let told = told(peer, build, async |client, _| {
        let body = Pieces::new().data(vec![b'b'; 300]).pause(10).data("more");
        let upload = rig::fetch(client, post("/", body.body()));
        let limit = std::time::Duration::from_secs(15);
        // Either may succeed or fail; a peer that closes in the end leaves none of them waiting.
        let both = async { tokio::join!(biased; rig::fetch(client, get("/")), upload) };
        let ended = tokio::time::timeout(limit, both).await;
        assert!(ended.is_ok(), "a call hangs");
    });
    told.await
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150,
        failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_frames_bring_every_call_to_an_end(
        deeds in vec(doing(), 0..12),
        piece in prop_oneof![Just(1_usize), 1..40_usize, Just(usize::MAX)],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        let told = runtime.block_on(met_with(&deeds, piece));
        prop_assert_eq!(told.count(EventName::CallEnd), 2);
        let closed = told.count(EventName::ConnClosed);
        prop_assert!(closed >= told.report.accepted(), "{} of {}", closed, told.report.accepted());
    }
}
