//! The shape of a timeline in JSON, version 1. `SCHEMA.md` tells it to readers.

use serde::{Deserialize, Serialize};

/// Declares a JSON object: fields that are always there, then those that may be absent, then lists, absent if empty.
macro_rules! object {
    ($name:ident { $($always:ident: $always_type:ty,)* ; $($maybe:ident: $maybe_type:ty,)* ; $($list:ident: $item:ty,)* }) => {
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        pub(super) struct $name {
            $(pub(super) $always: $always_type,)*
            $(#[serde(default, skip_serializing_if = "Option::is_none")]
            pub(super) $maybe: Option<$maybe_type>,)*
            $(#[serde(default, skip_serializing_if = "Vec::is_empty")]
            pub(super) $list: Vec<$item>,)*
        }
    };
}

object!(TimelineObject {
    schema: String,
    version: u32,
    complete: bool,
    total_us: f64,
    ;
    call: u64,
    started: String,
    method: String,
    uri: String,
    dropped: u64,
    end: EndObject,
    phases: PhasesObject,
    ;
    hook_panics: HookPanicObject,
    attempts: AttemptObject,
});

object!(EndObject {
    at_us: f64,
    ;
    status: u16,
    bytes: u64,
    error: ErrorObject,
    ;
});

object!(ErrorObject {
    kind: String,
    message: String,
    ;
    ;
});

object!(PhasesObject {
    ;
    queue_us: f64,
    dns_us: f64,
    connect_us: f64,
    proxy_us: f64,
    tls_us: f64,
    send_us: f64,
    wait_us: f64,
    receive_us: f64,
    other_us: f64,
    ;
});

object!(HookPanicObject {
    at_us: f64,
    hook: String,
    ;
    message: String,
    ;
});

object!(AttemptObject {
    index: u32,
    ;
    start_us: f64,
    method: String,
    uri: String,
    reason: String,
    retry_reason: String,
    get_conn: GetConnObject,
    got_conn: GotConnObject,
    request: RequestObject,
    response: ResponseObject,
    http2: Http2Object,
    redirect: RedirectObject,
    put_idle: PutIdleObject,
    end: EndObject,
    phases: PhasesObject,
    ;
    dials: DialObject,
    closed: ClosedObject,
});

object!(GetConnObject {
    at_us: f64,
    host_port: String,
    ;
    ;
});

object!(GotConnObject {
    at_us: f64,
    reused: bool,
    was_idle: bool,
    ;
    connection: u64,
    idle_us: f64,
    protocol: String,
    waited_for: String,
    local_addr: String,
    remote_addr: String,
    ;
});

object!(DialObject {
    background: bool,
    ;
    connection: u64,
    ;
    dns: DnsObject,
    connects: ConnectObject,
    tunnels: TunnelObject,
    tls: TlsObject,
});

object!(DnsObject {
    host: String,
    ;
    start_us: f64,
    end_us: f64,
    addrs: Vec<String>,
    coalesced: bool,
    source: String,
    ttl_us: f64,
    error: ErrorObject,
    ;
});

object!(ConnectObject {
    number: u32,
    addr: String,
    ;
    start_us: f64,
    end_us: f64,
    error: ErrorObject,
    ;
});

object!(TunnelObject {
    kind: String,
    target: String,
    ;
    start_us: f64,
    end_us: f64,
    status: u16,
    reason: String,
    error: ErrorObject,
    ;
});

object!(TlsObject {
    leg: String,
    ;
    start_us: f64,
    end_us: f64,
    server_name: String,
    version: CodePointObject,
    cipher_suite: CodePointObject,
    key_exchange_group: CodePointObject,
    alpn: String,
    resumed: bool,
    peer_certificates: Vec<String>,
    error: ErrorObject,
    ;
});

object!(CodePointObject {
    code: u16,
    ;
    name: String,
    ;
});

object!(RequestObject {
    ;
    wrote_headers_us: f64,
    wait_100_continue_us: f64,
    body: ProgressObject,
    wrote: WroteObject,
    ;
    headers: FieldObject,
});

object!(FieldObject {
    name: String,
    values: Vec<ValueObject>,
    ;
    ;
});

/// A header field's value: text, or bytes that are no UTF-8.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum ValueObject {
    Text(String),
    Bytes { base64: String },
}

object!(ProgressObject {
    first_us: f64,
    last_us: f64,
    bytes: u64,
    ;
    ;
});

object!(WroteObject {
    at_us: f64,
    outcome: String,
    ;
    reason: String,
    body_bytes: u64,
    error: ErrorObject,
    ;
});

object!(ResponseObject {
    ;
    first_byte_us: f64,
    got_100_continue_us: f64,
    head: HeadObject,
    body: ProgressObject,
    done: BodyDoneObject,
    ;
    informational: InformationalObject,
});

object!(InformationalObject {
    at_us: f64,
    status: u16,
    ;
    ;
    headers: FieldObject,
});

object!(HeadObject {
    at_us: f64,
    status: u16,
    version: String,
    ;
    ;
    headers: FieldObject,
});

object!(BodyDoneObject {
    at_us: f64,
    end: String,
    ;
    wire_bytes: u64,
    decoded_bytes: u64,
    trailers: Vec<FieldObject>,
    error: ErrorObject,
    ;
});

object!(Http2Object {
    ;
    stream: StreamObject,
    ;
    resets: ResetObject,
    flow_control_waits: FlowControlWaitObject,
    go_aways: GoAwayObject,
    settings: SettingsObject,
    pongs: PongObject,
});

object!(StreamObject {
    at_us: f64,
    stream_id: u32,
    ;
    ;
});

object!(ResetObject {
    at_us: f64,
    stream_id: u32,
    by: String,
    code: ErrorCodeObject,
    ;
    ;
});

object!(FlowControlWaitObject {
    window: String,
    ;
    start_us: f64,
    end_us: f64,
    error: ErrorObject,
    ;
});

object!(GoAwayObject {
    at_us: f64,
    by: String,
    last_stream_id: u32,
    code: ErrorCodeObject,
    ;
    debug_data: String,
    ;
});

object!(ErrorCodeObject {
    code: u32,
    ;
    name: String,
    ;
});

object!(SettingsObject {
    at_us: f64,
    ;
    max_concurrent_streams: u32,
    initial_window_size: u32,
    max_frame_size: u32,
    max_header_list_size: u32,
    header_table_size: u32,
    enable_connect_protocol: bool,
    ;
});

object!(PongObject {
    at_us: f64,
    round_trip_us: f64,
    ;
    ;
});

object!(RedirectObject {
    at_us: f64,
    status: u16,
    from: String,
    to: String,
    ;
    ;
});

object!(PutIdleObject {
    at_us: f64,
    ;
    error: String,
    ;
});

object!(ClosedObject {
    at_us: f64,
    reason: String,
    ;
    connection: u64,
    noticed: String,
    error: ErrorObject,
    ;
});
