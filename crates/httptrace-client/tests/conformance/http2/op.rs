//! What a peer that speaks HTTP/2 does, as a scenario says it.

use std::collections::BTreeMap;

use serde::Deserialize;

/// How a session begins.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct H2Handshake {
    pub(super) settings: BTreeMap<String, u32>,
    pub(super) silent_to_pings: bool,
}

/// Requests go by their numbers.
#[derive(Clone, Debug, Deserialize)]
pub(crate) enum H2Op {
    #[serde(rename = "h2_headers")]
    Headers(u32),
    #[serde(rename = "h2_body")]
    Body(u32),
    #[serde(rename = "h2_data")]
    Data(H2Data),
    #[serde(rename = "h2_reset")]
    Reset(u32),
    #[serde(rename = "h2_goaway")]
    Goaway,
    #[serde(rename = "h2_ping")]
    Ping,
    #[serde(rename = "h2_send_headers")]
    SendHeaders(H2Head),
    #[serde(rename = "h2_send_data")]
    SendData(H2Part),
    #[serde(rename = "h2_send_reset")]
    SendReset(H2Reset),
    #[serde(rename = "h2_send_goaway")]
    SendGoaway(H2Goaway),
    #[serde(rename = "h2_send_window")]
    SendWindow(H2Data),
    #[serde(rename = "h2_send_settings")]
    SendSettings(BTreeMap<String, u32>),
    #[serde(rename = "h2_send_ping")]
    SendPing,
    #[serde(rename = "h2_send_frame")]
    SendFrame(H2Frame),
}

impl H2Op {
    /// What it waits for from the client; `None` if it sends.
    pub(crate) fn awaited(&self) -> Option<&'static str> {
        match self {
            Self::Headers(_) => Some("h2_headers"),
            Self::Body(_) => Some("h2_body"),
            Self::Data(_) => Some("h2_data"),
            Self::Reset(_) => Some("h2_reset"),
            Self::Goaway => Some("h2_goaway"),
            Self::Ping => Some("h2_ping"),
            _ => None,
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct H2Data {
    #[serde(default)]
    pub(super) request: u32,
    pub(super) bytes: usize,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct H2Head {
    pub(super) request: u32,
    pub(super) fields: Vec<(String, String)>,
    #[serde(default)]
    pub(super) end: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct H2Part {
    pub(super) request: u32,
    pub(super) text: String,
    pub(super) times: Option<usize>,
    pub(super) hex: Option<String>,
    pub(super) end: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct H2Reset {
    pub(super) request: u32,
    pub(super) code: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct H2Goaway {
    pub(super) last: u32,
    pub(super) code: String,
    #[serde(default)]
    pub(super) debug: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct H2Frame {
    pub(super) r#type: u8,
    #[serde(default)]
    pub(super) flags: u8,
    #[serde(default)]
    pub(super) request: u32,
    pub(super) hex: String,
}
