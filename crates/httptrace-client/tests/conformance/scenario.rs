//! The language of scenarios, as `conformance/README.md` tells it. Unknown keys are errors.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::http2::{H2Handshake, H2Op};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    pub(crate) title: String,
    #[serde(default)]
    #[allow(dead_code)] // for readers of the file
    pub(crate) about: String,
    #[serde(default)]
    pub(crate) needs: Vec<String>,
    #[serde(default)]
    #[allow(dead_code)] // for the house's tests
    pub(crate) go_test: Value,
    #[serde(default)]
    pub(crate) peers: BTreeMap<String, PeerSpec>,
    #[serde(default)]
    pub(crate) dns: BTreeMap<String, Vec<DnsSpec>>,
    #[serde(default)]
    pub(crate) client: ClientSpec,
    pub(crate) steps: Vec<Step>,
    #[serde(default)]
    pub(crate) differs: Vec<Differs>,
}

impl Scenario {
    pub(crate) fn load(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// The requests, in the order in which they are started.
    pub(crate) fn requests(&self) -> impl Iterator<Item = &RequestSpec> {
        self.steps.iter().filter_map(|step| match step {
            Step::Start(request) => Some(&**request),
            _ => None,
        })
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PeerSpec {
    #[serde(default = "served_at_home")]
    pub(crate) at: BTreeMap<String, Conduct>,
    #[serde(default)]
    pub(crate) connections: Vec<Vec<PeerOp>>,
}

fn served_at_home() -> BTreeMap<String, Conduct> {
    [("127.0.0.1".to_owned(), Conduct::Serve)].into()
}

/// What an address of a peer does.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Conduct {
    Serve,
    Refuse,
    Stall,
}

/// What a peer does on a connection.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PeerOp {
    Request,
    Head,
    Body,
    Bytes(u64),
    Eof,
    Send(Text),
    Tls(TlsSpec),
    Tunnel(String),
    SocksGreeting,
    SocksLogin,
    SocksRequest,
    Wait(String),
    Set(String),
    DelayMs(u64),
    Times(Times),
    HalfClose,
    Close,
    Cut,
    Reset,
    H2,
    H2Handshake(H2Handshake),
    #[serde(untagged)]
    Http2(H2Op),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Times {
    pub(crate) count: usize,
    pub(crate) r#do: Vec<PeerOp>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Certificate {
    Good,
    WrongName,
    Untrusted,
}

/// A certificate, and the protocols that the peer speaks, if it says so.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum TlsSpec {
    Certificate(Certificate),
    Full(FullTlsSpec),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FullTlsSpec {
    certificate: Certificate,
    alpn: Vec<String>,
}

impl TlsSpec {
    pub(crate) fn certificate(&self) -> Certificate {
        match self {
            Self::Certificate(certificate) => *certificate,
            Self::Full(spec) => spec.certificate,
        }
    }

    pub(crate) fn alpn(&self) -> Option<&[String]> {
        match self {
            Self::Certificate(_) => None,
            Self::Full(spec) => Some(&spec.alpn),
        }
    }
}

/// A text, once or so many times over; or bytes in hexadecimal.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Text {
    Once(String),
    Times(RepeatedText),
    Hex(HexText),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RepeatedText {
    text: String,
    times: usize,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HexText {
    hex: String,
}

impl Text {
    /// The bytes; `fill` may change a text before.
    pub(crate) fn written_out(&self, fill: impl Fn(&str) -> String) -> Vec<u8> {
        match self {
            Self::Once(text) => fill(text).into_bytes(),
            Self::Times(RepeatedText { text, times }) => fill(text).repeat(*times).into_bytes(),
            Self::Hex(HexText { hex }) => from_hex(hex),
        }
    }
}

pub(crate) fn from_hex(hex: &str) -> Vec<u8> {
    let digits: Vec<_> = hex.chars().filter(|c| !c.is_whitespace()).collect();
    let pairs = digits.chunks(2).map(String::from_iter);
    let bytes = pairs.map(|pair| u8::from_str_radix(&pair, 16));
    bytes.map(|byte| byte.expect("two digits")).collect()
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DnsSpec {
    #[serde(default)]
    pub(crate) addrs: Vec<String>,
    #[serde(default)]
    pub(crate) fail: bool,
    pub(crate) after: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ClientSpec {
    pub(crate) max_idle: usize,
    pub(crate) max_idle_per_host: i64,
    pub(crate) max_conns_per_host: usize,
    pub(crate) idle_timeout_ms: u64,
    pub(crate) keep_alive: Option<bool>,
    pub(crate) redirects: Option<bool>,
    pub(crate) response_head_timeout_ms: u64,
    pub(crate) tls_handshake_timeout_ms: u64,
    pub(crate) expect_timeout_ms: u64,
    pub(crate) resume: bool,
    pub(crate) compression: bool,
    pub(crate) max_response_head_bytes: Option<usize>,
    pub(crate) proxy: Option<String>,
    pub(crate) proxy_env: BTreeMap<String, String>,
    pub(crate) http2: Option<Http2>,
    pub(crate) strict_max_concurrent_requests: bool,
    pub(crate) ping_after_ms: u64,
    pub(crate) ping_timeout_ms: u64,
}

/// How HTTP/2 is come to.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Http2 {
    Tls,
    PriorKnowledge,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Step {
    Start(Box<RequestSpec>),
    Await(Await),
    End(String),
    Cancel(String),
    CloseIdle,
    Wait(String),
    Set(String),
    DelayMs(u64),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Await {
    pub(crate) label: String,
    pub(crate) event: String,
    #[serde(default = "one")]
    pub(crate) count: usize,
}

fn one() -> usize {
    1
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RequestSpec {
    pub(crate) label: String,
    #[serde(default = "get")]
    pub(crate) method: String,
    pub(crate) url: String,
    #[serde(default)]
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<BodySpec>,
    #[serde(default)]
    pub(crate) close: bool,
    pub(crate) deadline_ms: Option<u64>,
    pub(crate) fail_at_1xx: Option<usize>,
    #[serde(default)]
    pub(crate) untraced: bool,
    #[serde(default = "read_it")]
    pub(crate) then: Vec<ThenOp>,
}

fn get() -> String {
    "GET".to_owned()
}

fn read_it() -> Vec<ThenOp> {
    vec![ThenOp::Word(ThenWord::Read)]
}

/// What is done with a response.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum ThenOp {
    Word(ThenWord),
    Keyed(ThenKeyed),
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ThenWord {
    Read,
    Drop,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ThenKeyed {
    Read(usize),
    Upgrade(Vec<UpgradedOp>),
    Wait(String),
    Set(String),
}

/// What is done with a connection that speaks something else after a 101.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum UpgradedOp {
    Word(UpgradedWord),
    Keyed(UpgradedKeyed),
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum UpgradedWord {
    Read,
    Close,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum UpgradedKeyed {
    Send(Text),
    Read(usize),
    Wait(String),
    Set(String),
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct BodySpec {
    pub(crate) text: String,
    pub(crate) times: Option<usize>,
    pub(crate) stream: Option<Vec<StreamOp>>,
    pub(crate) length: Option<u64>,
    pub(crate) replayable: bool,
    pub(crate) trailers: Vec<(String, String)>,
}

/// What a streamed request body does.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StreamOp {
    Chunk(Text),
    Wait(String),
    Set(String),
    DelayMs(u64),
    #[allow(dead_code)] // always true
    Fail(bool),
}

/// Where our recording is different on purpose.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Differs {
    pub(crate) difference: u32,
    pub(crate) label: Option<String>,
    pub(crate) connection: Option<String>,
    pub(crate) side: String,
    pub(crate) why: String,
    pub(crate) expect: Vec<Value>,
}
