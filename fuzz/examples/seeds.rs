//! Writes the seeds of the corpora: what people, servers and this project's own writers produce. The fuzzer takes it from
//! there. `cargo run --example seeds` in this folder; CONTRIBUTING.md tells the rest.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::time::Instant;

use flate2::Compression;
use flate2::read::{GzEncoder, ZlibEncoder};
use httptrace::{EventName as E, Timeline};
use httptrace_export::{Redaction, timeline_json, timelines_ndjson};
use httptrace_fuzz::{CODINGS, Draft, Story};

fn main() -> std::io::Result<()> {
    for (number, request) in REQUESTS.iter().enumerate() {
        write("http1_tap", number, request.as_bytes())?;
    }
    for (number, acts) in STREAMS.iter().enumerate() {
        write("http2_tap", number, &acts.concat())?;
    }
    for (number, uri) in URIS.iter().enumerate() {
        write("parse_uri", number, uri.as_bytes())?;
    }
    for (number, answer) in ANSWERS.iter().enumerate() {
        write("connect_answer", number, answer.as_bytes())?;
    }
    for (number, said) in SOCKS.iter().enumerate() {
        write("socks5", number, said)?;
    }
    for (number, rules) in RULES.iter().enumerate() {
        write("proxy_rules", number, rules.as_bytes())?;
    }
    for (place, coding) in CODINGS.iter().enumerate() {
        for (number, text) in TEXTS.iter().enumerate() {
            let mut seed = vec![place as u8, 7];
            seed.extend(coded(coding, text.as_bytes())?);
            write("decoder", 10 * place + number, &seed)?;
        }
    }
    let stories = stories();
    for (number, story) in stories.iter().enumerate() {
        write("fold", number, &story.to_bytes())?;
    }
    let zero = Instant::now();
    let timelines: Vec<Timeline> = stories
        .iter()
        .flat_map(|story| Timeline::fold(&story.events(zero)))
        .collect();
    for (number, timeline) in timelines.iter().enumerate() {
        let json = timeline_json(timeline, Redaction::Off);
        write("json_reader", number, json.as_bytes())?;
    }
    let short = timelines_ndjson(&timelines[..2], Redaction::On);
    write("json_reader", timelines.len(), short.as_bytes())
}

fn write(target: &str, number: usize, seed: &[u8]) -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(format!("seed-{number:02}")), seed)
}

const ANSWERS: &[&str] = &[
    "HTTP/1.1 200 Connection established\r\n\r\n",
    "HTTP/1.0 200\r\n\r\n\x16\x03\x01",
    "HTTP/1.1 200 OK\nVia: 1.1 proxy\n\nrest",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"a\"\r\nContent-Length: 2\r\n\r\nno",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: a\r\n\r\n",
    "HTTP/1.1 503 \x1b[31mred\r\nA: b\r\n folded\r\n\r\n",
    "HTTP/1.1 2x0 OK\r\n\r\n",
    "SSH-2.0-OpenSSH_9.9\r\n",
];

/// The choice of host and credentials, then what the proxy says.
const SOCKS: &[&[u8]] = &[
    b"\0\x05\0\x05\0\0\x01\xc0\0\x02\x01\x01\xbbrest",
    b"\x04\x05\x02\x01\0\x05\0\0\x03\x06a.test\x01\xbb",
    b"\x05\x05\0\x05\0\0\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x01\xbb",
    b"\x06\x05\x02\x01\x01",
    b"\x02\x05\xff",
    b"\x03\x05\0\x05\x05\0\x01\0\0\0\0\0\0",
    b"\x07\x04\0",
    b"\x04\x05\x02\x01\0\x05\0\0\x02",
];

const RULES: &[&str] = &[
    "proxy.test:3128\na.test\na.test",
    "http://user:p%40ss@proxy.test\n.a.test,*.b.test\nx.a.test",
    "https://[2001:db8::1]:8443/path?q\n[2001:db8::1]:443,fd00::/8\nfd12::1",
    "socks5h://bücher.example\n10.0.0.0/8 192.0.2.7\n::ffff:10.1.2.3",
    "socks4://u:secret@a\n*\nany.test",
    "ftp://a\nBÜCHER.example:443\nxn--bcher-kva.example.",
    "http://:80\n:80,a:b,0.0.0.0/33\nlocalhost",
    "http://a:99999\n0.0.0.0/0\nfe80::1%eth0",
];

/// The codings of `Content-Encoding`, applied one after the other.
fn coded(codings: &str, text: &[u8]) -> std::io::Result<Vec<u8>> {
    codings.split(", ").try_fold(text.to_vec(), |text, coding| {
        let text = &text[..];
        let mut coded = Vec::new();
        match coding {
            "gzip" => GzEncoder::new(text, Compression::best()).read_to_end(&mut coded)?,
            "deflate" => ZlibEncoder::new(text, Compression::best()).read_to_end(&mut coded)?,
            "br" => brotli::CompressorReader::new(text, 4096, 5, 16).read_to_end(&mut coded)?,
            _ => zstd::stream::read::Encoder::new(text, 3)?.read_to_end(&mut coded)?,
        };
        Ok(coded)
    })
}

const TEXTS: &[&str] = &[
    "",
    "hello",
    "hello hello hello hello hello hello hello, and that is that",
    include_str!("../Cargo.toml"),
];

const REQUESTS: &[&str] = &[
    "GET / HTTP/1.1\r\nhost: a.test\r\n\r\n",
    "GET /p?q=1 HTTP/1.1\r\nHost: a.test:8080\r\nCookie: a=1\r\ncookie: b=2\r\nAuthorization: Basic dTpw\r\n\r\n",
    "PUT / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhello",
    "PUT / HTTP/1.1\r\nHost: a.test\r\ncontent-length: 12\r\nexpect: 100-continue\r\n\r\nhel",
    "POST / HTTP/1.1\r\nhost: a.test\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\nA;x=1\r\n0123456789\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\nhost: a.test\r\nTransfer-Encoding: chunked\r\ntrailer: t\r\n\r\n1\r\nx\r\n0\r\nt: v\r\nu: w\r\n\r\n",
    "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffff\r\nx",
    "POST / HTTP/1.1\r\ncontent-length: 18446744073709551615\r\n\r\nx",
    "CONNECT a.test:443 HTTP/1.1\r\nhost: a.test:443\r\nproxy-authorization: Basic dTpw\r\n\r\n",
    "GET http://a.test/ HTTP/1.1\r\nhost: a.test\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
];

/// Acts of HTTP/2, as the target reads them: frames are their kind, their flags, the place of their stream (0 is the
/// connection), and their payload after its length. Of data sent there is but the length.
const STREAMS: &[&[&[u8]]] = &[
    // A request and its response, and what is told of the connection.
    &[
        &[0, 0],
        b"\x04\x04\0\0\0\x08",
        b"\x06\x04\0\0\x06\0\x03\0\0\0\x05",
        b"\x04\x01\x05\x01\x01x\x08",
        b"\x06\x01\x04\x01\x01x\x06\0\x01\x01\x05hello",
        &[12, 1],
    ],
    // A body that the windows are too small for.
    &[
        &[0, 1],
        b"\x04\x01\0\x01\x01x\x04\x09\x04\x01\x01x\x08",
        &[9, 1, 10, 1, 255, 10, 1, 3],
        &[4, 0, 0, 1, 255, 8, 4, 0, 0, 1, 1, 8],
        b"\x06\x08\0\x01\x04\0\0\xff\xff\x06\x08\0\0\x04\0\0\xff\xff",
        &[4, 0, 1, 1, 3, 8, 12, 1],
    ],
    // Settings that take a window back, and a reset by the server.
    &[
        &[0, 0],
        b"\x04\x01\x04\x01\x01x\x08",
        &[10, 1, 100, 4, 0, 0, 1, 50, 8],
        b"\x06\x04\0\0\x06\0\x04\0\0\0\x07",
        b"\x06\x03\0\x01\x04\0\0\0\x08",
        &[11, 1, 12, 1],
    ],
    // One stream at a time; one is given up before it has begun, one is reset here.
    &[
        b"\x06\x04\0\0\x06\0\x03\0\0\0\x02",
        &[0, 0, 0, 0, 2, 12, 3],
        b"\x06\x04\0\0\x06\0\x03\0\0\0\x01",
        b"\x04\x01\x04\x01\x01x\x08\x0b\x01\x0c\x01",
        b"\x04\x03\0\x01\x04\0\0\0\x08\x08",
        &[0, 2],
    ],
    // GOAWAY from both, and a PING and its answer.
    &[
        &[0, 0, 0, 0],
        b"\x04\x01\x05\x01\x01x\x04\x01\x05\x02\x01x\x08",
        b"\x04\x06\0\0\x08a ping 1\x08\x06\x06\x01\0\x08a ping 1",
        b"\x06\x07\0\0\x0c\0\0\0\x01\0\0\0\x0bcalm",
        b"\x04\x07\0\0\x08\0\0\0\0\0\0\0\x01\x08",
        &[13, 1, 13, 0],
    ],
    // What is no HTTP/2.
    &[
        &[0, 0],
        b"\x0e\x12GET / HTTP/1.1\r\n\r\n\x08",
        b"\x0f\x1cHTTP/1.1 400 Bad Request\r\n\r\n",
    ],
];

const URIS: &[&str] = &[
    "http://a.test/",
    "HTTPS://User:p%40ss@A.Test:8443/a/../b?q=%41#part",
    "http://bücher.example:81/ä b?ß",
    "http://[2001:db8::1]:80/",
    "http://127.0.0.1",
    " http://a.test ",
    "ftp://a.test/",
    "http:///nowhere",
    "a.test/without/scheme",
    "https://xn--bcher-kva.example?x",
    "http://a.test/\"<>`{}|\\^",
    "http://例え.テスト./",
];

/// Calls as they go, an event each microsecond; first with as little known as possible, then with more of it.
fn stories() -> Vec<Story> {
    let dial = [
        E::GetConn,
        E::DnsStart,
        E::DnsDone,
        E::ConnectStart,
        E::ConnectDone,
    ];
    let tls = [E::TlsHandshakeStart, E::TlsHandshakeDone];
    let tunnel = [E::ProxyTunnelStart, E::ProxyTunnelDone];
    let request = [
        E::GotConn,
        E::WroteHeaderField,
        E::WroteHeaders,
        E::WroteBody,
        E::WroteRequest,
    ];
    let waiting = [
        E::Wait100Continue,
        E::GotFirstResponseByte,
        E::Got100Continue,
        E::Got1xxResponse,
    ];
    let response = [
        E::GotFirstResponseByte,
        E::GotResponseHeaders,
        E::GotBody,
        E::BodyDone,
        E::PutIdleConn,
    ];
    let stream = [
        E::GotConn,
        E::StreamOpened,
        E::WroteHeaders,
        E::FlowControlWaitStart,
        E::SettingsReceived,
        E::FlowControlWaitDone,
        E::Pong,
    ];
    let gone = [E::GoAway, E::StreamReset, E::WroteRequest, E::ConnClosed];
    let (start, end) = ([E::CallStart, E::AttemptStart], [E::AttemptEnd, E::CallEnd]);
    let again = [E::Redirect, E::AttemptEnd, E::AttemptStart];
    let table: [Vec<E>; 10] = [
        [&start[..], &end].concat(),
        [&start[..], &dial, &request, &response, &end].concat(),
        [&start[..], &dial, &tls, &request, &response, &end].concat(),
        [&start[..], &dial, &tunnel, &tls, &request, &response, &end].concat(),
        [&start[..], &dial, &request, &waiting, &response, &end].concat(),
        [
            &start[..],
            &dial,
            &request,
            &response,
            &again,
            &request,
            &response,
            &end,
        ]
        .concat(),
        [&start[..], &dial[..4], &[E::ConnClosed], &end].concat(),
        [
            &[E::GetConn, E::HookPanicked][..],
            &dial,
            &request,
            &response,
        ]
        .concat(),
        [&start[..], &dial, &tls, &stream, &response[..4], &end].concat(),
        [&start[..], &stream, &gone, &again, &stream, &end, &gone].concat(),
    ];
    let choices = [0, 1, 0x5555_5555, 0xdead_beef];
    let all = table
        .iter()
        .flat_map(|names| choices.map(|choices| (names, choices)));
    all.map(|(names, choices)| story(names, choices)).collect()
}

fn story(names: &[E], choices: u32) -> Story {
    let mut attempt = 0;
    let drafts = names.iter().enumerate().map(|(place, name)| {
        if *name == E::AttemptStart {
            attempt += 1;
        }
        Draft {
            name: E::ALL
                .iter()
                .position(|known| known == name)
                .unwrap_or_default() as u8,
            choices: choices.rotate_left(place as u32 * u32::from(choices > 1)),
            at: 1 + 1_000 * place as u16,
            shift: 0,
            owner: 1 | attempt << 2 | 1 << 4,
        }
    });
    Story(drafts.collect())
}
