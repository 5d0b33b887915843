//! A frame as the loopback interface has it: Ethernet, IPv4, TCP.

/// A TCP segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Packet<'a> {
    /// When the kernel saw it: nanoseconds of the wall clock.
    pub(crate) at: i64,
    pub(crate) source: u16,
    pub(crate) destination: u16,
    pub(crate) sequence: u32,
    pub(crate) flags: Flags,
    pub(crate) payload: &'a [u8],
}

/// The flags of a segment (RFC 9293 section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flags(pub(crate) u8);

impl Flags {
    pub(crate) const FIN: u8 = 0x01;
    pub(crate) const SYN: u8 = 0x02;
    pub(crate) const RST: u8 = 0x04;
    #[cfg(test)]
    pub(crate) const ACK: u8 = 0x10;

    /// Whether one of these is set.
    pub(crate) fn any(self, of: u8) -> bool {
        self.0 & of != 0
    }
}

const ETHERNET_HEADER: usize = 14;
const IPV4: [u8; 2] = [0x08, 0x00];
const TCP: u8 = 6;

impl<'a> Packet<'a> {
    /// Reads a frame; absent if it is anything else, or cut off.
    pub(crate) fn parse(at: i64, frame: &'a [u8]) -> Option<Self> {
        let (ethernet, ip) = frame.split_at_checked(ETHERNET_HEADER)?;
        if ethernet[12..] != IPV4 || *ip.first()? >> 4 != 4 || *ip.get(9)? != TCP {
            return None;
        }
        // Short frames are padded: the end is where IP says.
        let ip = ip.get(..usize::from(word(ip, 2)?))?;
        let tcp = ip.get(words(ip[0] & 0x0f)..)?;
        Some(Self {
            at,
            source: word(tcp, 0)?,
            destination: word(tcp, 2)?,
            sequence: u32::from(word(tcp, 4)?) << 16 | u32::from(word(tcp, 6)?),
            flags: Flags(*tcp.get(13)?),
            payload: tcp.get(words(tcp.get(12)? >> 4)..)?,
        })
    }
}

/// A header's length, which is given in words of four bytes.
fn words(count: u8) -> usize {
    usize::from(count) * 4
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    let two = bytes.get(at..at + 2)?;
    Some(u16::from_be_bytes([two[0], two[1]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A segment with eight bytes of options in each header.
    fn frame(payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![0; 12];
        frame.extend(IPV4);
        let total = u16::try_from(28 + 28 + payload.len()).unwrap();
        let mut ip = vec![0; 28];
        ip[0] = 0x47;
        ip[2..4].copy_from_slice(&total.to_be_bytes());
        ip[9] = TCP;
        frame.extend(ip);
        let mut tcp = vec![0; 28];
        tcp[..2].copy_from_slice(&1234_u16.to_be_bytes());
        tcp[2..4].copy_from_slice(&80_u16.to_be_bytes());
        tcp[4..8].copy_from_slice(&0xfedc_ba98_u32.to_be_bytes());
        tcp[12] = 0x70;
        tcp[13] = Flags::SYN | Flags::ACK;
        frame.extend(tcp);
        frame.extend(payload);
        frame
    }

    #[test]
    fn a_segment_is_found_behind_headers_with_options() {
        let frame = frame(b"hello");
        let packet = Packet::parse(9, &frame).unwrap();
        assert_eq!((packet.source, packet.destination), (1234, 80));
        assert_eq!((packet.at, packet.sequence), (9, 0xfedc_ba98));
        assert!(packet.flags.any(Flags::SYN) && !packet.flags.any(Flags::FIN));
        assert_eq!(packet.payload, b"hello");
    }

    #[test]
    fn padding_is_no_payload() {
        let mut frame = frame(b"");
        frame.extend([0; 6]);
        assert_eq!(Packet::parse(0, &frame).unwrap().payload, b"");
    }

    #[test]
    fn what_is_cut_off_or_something_else_is_no_segment() {
        let whole = frame(b"hello");
        for length in 0..whole.len() {
            assert_eq!(Packet::parse(0, &whole[..length]), None);
        }
        let mut udp = whole.clone();
        udp[ETHERNET_HEADER + 9] = 17;
        assert_eq!(Packet::parse(0, &udp), None);
    }
}
