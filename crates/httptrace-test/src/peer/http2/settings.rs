//! A peer's settings.

/// The settings of a `SETTINGS` frame (RFC 9113 section 6.5.2): none, unless said otherwise.
#[derive(Clone, Debug, Default)]
#[must_use = "settings do nothing until they are sent"]
pub struct Settings {
    entries: Vec<(u16, u32)>,
}

impl Settings {
    /// How large the table of the client's encoder may be.
    pub fn header_table_size(self, bytes: u32) -> Self {
        self.entry(1, bytes)
    }

    /// How many streams may be open at once.
    pub fn max_concurrent_streams(self, streams: u32) -> Self {
        self.entry(3, streams)
    }

    /// How many bytes a stream may carry to the peer before it asks for more.
    pub fn initial_window_size(self, bytes: u32) -> Self {
        self.entry(4, bytes)
    }

    /// How many bytes a frame to the peer may have.
    pub fn max_frame_size(self, bytes: u32) -> Self {
        self.entry(5, bytes)
    }

    /// How many bytes of header fields the peer takes.
    pub fn max_header_list_size(self, bytes: u32) -> Self {
        self.entry(6, bytes)
    }

    /// Whether `CONNECT` may name a protocol (RFC 8441).
    pub fn enable_connect_protocol(self, enable: bool) -> Self {
        self.entry(8, enable.into())
    }

    /// Any setting, by its number.
    pub fn entry(mut self, id: u16, value: u32) -> Self {
        self.entries.push((id, value));
        self
    }

    pub(super) fn payload(&self) -> Vec<u8> {
        let entries = self.entries.iter();
        let bytes =
            entries.map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat());
        bytes.flatten().collect()
    }
}
