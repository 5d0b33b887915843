//! SOCKS version 5 (RFC 1928) with user and password (RFC 1929): the client's side as a value that is fed bytes.

use std::fmt;
use std::net::IpAddr;

use httptrace::ErrorKind;

use super::server::Credentials;

const VERSION: u8 = 5;
const NO_AUTHENTICATION: u8 = 0;
const USER_AND_PASSWORD: u8 = 2;
const NONE_ACCEPTABLE: u8 = 0xff;
/// Of the sub-negotiation of RFC 1929.
const PASSWORD_VERSION: u8 = 1;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// Asks for a tunnel: sans-IO. It holds a password, and has no `Debug` form therefore.
pub(crate) struct Socks5 {
    state: State,
    /// Read but not complete.
    unread: Vec<u8>,
    /// The message for RFC 1929, where there are credentials.
    password: Option<Vec<u8>>,
    /// The request for the tunnel.
    request: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Method,
    Password,
    Reply,
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Next {
    /// To be sent to the proxy, if anything: also where it has answered ahead of its turn.
    pub(crate) send: Vec<u8>,
    /// If the tunnel stands, what is left of the bytes: it is the target's. Otherwise there is more to read.
    pub(crate) open: Option<Vec<u8>>,
}

/// Why there is no tunnel.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SocksError {
    /// A name, a user or a password that the protocol has no room for: which of them.
    TooLong(&'static str),
    /// The answer has another version number than 5.
    NotSocks5(u8),
    /// The proxy accepts no way of authentication that was offered.
    NoMethod { with_credentials: bool },
    /// The proxy chose a way of authentication that was not offered.
    UnknownMethod(u8),
    /// The proxy does not know these credentials.
    Credentials,
    /// The proxy wants a user and a password, and there is a password alone (RFC 1929 section 2 has no room for that).
    NoUser,
    /// The answer to user and password has another version number than 1.
    UnknownLogin(u8),
    /// A byte of the answer that must be 0 is something else.
    Reserved(u8),
    /// An address in the answer is of a kind that does not exist.
    UnknownAddress(u8),
    /// The proxy did not open the tunnel: its reply code.
    Refused(u8),
}

impl Socks5 {
    /// Begins; returns what to send first.
    pub(crate) fn begin(
        host: &str,
        port: u16,
        credentials: Option<(&[u8], &[u8])>,
    ) -> Result<(Self, Vec<u8>), SocksError> {
        let methods: &[u8] = match credentials {
            Some(_) => &[NO_AUTHENTICATION, USER_AND_PASSWORD],
            None => &[NO_AUTHENTICATION],
        };
        let mut greeting = vec![VERSION];
        push_short(&mut greeting, methods, "list of methods")?;
        let socks = Self {
            state: State::Method,
            unread: Vec::new(),
            password: credentials.map(password_message).transpose()?,
            request: request(host, port)?,
        };
        Ok((socks, greeting))
    }

    /// Takes the next bytes of the proxy. Not to be fed any further when the tunnel stands.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<Next, SocksError> {
        self.unread.extend_from_slice(bytes);
        let mut send = Vec::new();
        let open = loop {
            match self.state {
                State::Method => {
                    let Some([version, method]) = self.take() else {
                        break None;
                    };
                    expect(version, VERSION)?;
                    send.extend(self.authenticate(method)?);
                }
                State::Password => {
                    let Some([version, status]) = self.take() else {
                        break None;
                    };
                    if version != PASSWORD_VERSION {
                        return Err(SocksError::UnknownLogin(version));
                    }
                    if status != 0 {
                        return Err(SocksError::Credentials);
                    }
                    self.state = State::Reply;
                    send.extend_from_slice(&self.request);
                }
                State::Reply => {
                    let is_open = self.reply()?;
                    break is_open.then(|| std::mem::take(&mut self.unread));
                }
            }
        };
        Ok(Next { send, open })
    }

    /// Whether nothing has come that is not answered yet, and the proxy is at its first word.
    pub(crate) fn is_untouched(&self) -> bool {
        matches!(self.state, State::Method) && self.unread.is_empty()
    }

    fn authenticate(&mut self, method: u8) -> Result<Vec<u8>, SocksError> {
        match (method, &self.password) {
            (NO_AUTHENTICATION, _) => {
                self.state = State::Reply;
                Ok(self.request.clone())
            }
            (USER_AND_PASSWORD, Some(message)) => {
                if message[1] == 0 {
                    return Err(SocksError::NoUser);
                }
                self.state = State::Password;
                Ok(message.clone())
            }
            (NONE_ACCEPTABLE, password) => Err(SocksError::NoMethod {
                with_credentials: password.is_some(),
            }),
            (other, _) => Err(SocksError::UnknownMethod(other)),
        }
    }

    /// The reply: version, code, a reserved byte, and the address that the proxy connects from.
    /// Returns whether it is complete.
    fn reply(&mut self) -> Result<bool, SocksError> {
        // As soon as it shows: whoever refuses may not care to complete the address.
        if let Some(version) = self.unread.first() {
            expect(*version, VERSION)?;
        }
        match self.unread.get(1) {
            None | Some(0) => {}
            Some(code) => return Err(SocksError::Refused(*code)),
        }
        if let Some(reserved) = self.unread.get(2).filter(|byte| **byte != 0) {
            return Err(SocksError::Reserved(*reserved));
        }
        let address = match (self.unread.get(3), self.unread.get(4)) {
            (Some(&IPV4), _) => 4,
            (Some(&IPV6), _) => 16,
            (Some(&NAME), Some(length)) => 1 + usize::from(*length),
            (Some(&NAME) | None, _) => return Ok(false),
            (Some(kind), _) => return Err(SocksError::UnknownAddress(*kind)),
        };
        let length = 4 + address + 2;
        if self.unread.len() < length {
            return Ok(false);
        }
        self.unread.drain(..length);
        Ok(true)
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let taken = self.unread.first_chunk::<N>().copied()?;
        self.unread.drain(..N);
        Some(taken)
    }
}

impl Credentials {
    /// As [`Socks5::begin`] takes them.
    pub(super) fn pair(&self) -> (&[u8], &[u8]) {
        (&self.user, &self.password)
    }
}

fn expect(found: u8, version: u8) -> Result<(), SocksError> {
    match found == version {
        true => Ok(()),
        false => Err(SocksError::NotSocks5(found)),
    }
}

fn password_message((user, password): (&[u8], &[u8])) -> Result<Vec<u8>, SocksError> {
    let mut message = vec![PASSWORD_VERSION];
    push_short(&mut message, user, "user")?;
    push_short(&mut message, password, "password")?;
    Ok(message)
}

/// Names are for the proxy to resolve.
fn request(host: &str, port: u16) -> Result<Vec<u8>, SocksError> {
    let mut request = vec![VERSION, CONNECT, 0];
    match host.parse() {
        Ok(IpAddr::V4(ip)) => {
            request.push(IPV4);
            request.extend(ip.octets());
        }
        Ok(IpAddr::V6(ip)) => {
            request.push(IPV6);
            request.extend(ip.octets());
        }
        Err(_) => {
            request.push(NAME);
            push_short(&mut request, host.as_bytes(), "host name")?;
        }
    }
    request.extend(port.to_be_bytes());
    Ok(request)
}

/// Adds bytes after a byte with their number.
fn push_short(message: &mut Vec<u8>, bytes: &[u8], what: &'static str) -> Result<(), SocksError> {
    let length = u8::try_from(bytes.len()).map_err(|_| SocksError::TooLong(what))?;
    message.push(length);
    message.extend_from_slice(bytes);
    Ok(())
}

impl SocksError {
    pub(super) fn kind(&self) -> ErrorKind {
        match self {
            Self::TooLong(_) => ErrorKind::Usage,
            Self::NotSocks5(_)
            | Self::UnknownMethod(_)
            | Self::UnknownLogin(_)
            | Self::Reserved(_)
            | Self::UnknownAddress(_) => ErrorKind::Protocol,
            Self::Refused(3 | 4 | 6) => ErrorKind::Unreachable,
            Self::NoMethod { .. } | Self::NoUser | Self::Credentials | Self::Refused(_) => {
                ErrorKind::Refused
            }
        }
    }

    /// The reason of a reply, in the words of RFC 1928 section 6.
    pub(super) fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Refused(code) => Some(match code {
                1 => "general SOCKS server failure",
                2 => "connection not allowed by ruleset",
                3 => "network unreachable",
                4 => "host unreachable",
                5 => "connection refused",
                6 => "TTL expired",
                7 => "command not supported",
                8 => "address type not supported",
                _ => "unknown reply code",
            }),
            _ => None,
        }
    }
}

impl fmt::Display for SocksError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(what) => {
                write!(
                    f,
                    "the {what} is longer than the 255 bytes that SOCKS5 has room for"
                )
            }
            Self::NotSocks5(b'H') => {
                f.write_str("it speaks HTTP; use http:// instead of socks5://")
            }
            Self::NotSocks5(version) => {
                write!(
                    f,
                    "it does not speak SOCKS5 (version {version} in its answer)"
                )
            }
            Self::NoMethod {
                with_credentials: true,
            } => f.write_str("it takes neither user and password nor goes without"),
            Self::NoMethod {
                with_credentials: false,
            } => f.write_str("it asks for authentication; give it a user and a password"),
            Self::UnknownMethod(method) => {
                write!(
                    f,
                    "it chose authentication method {method}, which was not offered"
                )
            }
            Self::Credentials => f.write_str("it does not accept the user and the password"),
            Self::NoUser => {
                f.write_str("it asks for a user and a password; give the password a user")
            }
            Self::UnknownLogin(version) => {
                write!(f, "it answers user and password with version {version}")
            }
            Self::Reserved(byte) => write!(f, "its answer has {byte} where it must have 0"),
            Self::UnknownAddress(kind) => write!(f, "its answer has an address of kind {kind}"),
            Self::Refused(code) => {
                let reason = self.reason().unwrap_or_default();
                write!(f, "{reason} (reply code {code})")
            }
        }
    }
}

impl std::error::Error for SocksError {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn begin(host: &str, credentials: Option<(&[u8], &[u8])>) -> (Socks5, Vec<u8>) {
        Socks5::begin(host, 443, credentials).unwrap()
    }

    fn send(bytes: &[u8]) -> Result<Next, SocksError> {
        let (send, open) = (bytes.to_vec(), None);
        Ok(Next { send, open })
    }

    fn open(early: &[u8]) -> Result<Next, SocksError> {
        let (send, open) = (Vec::new(), Some(early.to_vec()));
        Ok(Next { send, open })
    }

    const OPEN: &[u8] = b"\x05\x00\x00\x01\x7f\0\0\x01\x04\xd2";

    #[test]
    fn without_credentials_the_request_follows_the_choice_of_method() {
        let (mut socks, first) = begin("a.example", None);
        assert_eq!(first, b"\x05\x01\x00");
        assert!(socks.is_untouched());
        let request = b"\x05\x01\x00\x03\x09a.example\x01\xbb";
        assert_eq!(socks.feed(b"\x05\x00"), send(request));
        assert!(!socks.is_untouched());
        assert_eq!(socks.feed(&OPEN[..6]), send(b""));
        let mut rest = OPEN[6..].to_vec();
        rest.extend(b"early");
        assert_eq!(socks.feed(&rest), open(b"early"));
    }

    #[test]
    fn credentials_are_sent_if_the_proxy_wants_them() {
        let (mut socks, first) = begin("192.0.2.1", Some((b"me", b"pw")));
        assert_eq!(first, b"\x05\x02\x00\x02");
        assert_eq!(socks.feed(b"\x05\x02"), send(b"\x01\x02me\x02pw"));
        let request = b"\x05\x01\x00\x01\xc0\x00\x02\x01\x01\xbb";
        assert_eq!(socks.feed(b"\x01\x00"), send(request));
        let named = b"\x05\x00\x00\x03\x02ab\x00\x50";
        assert_eq!(socks.feed(named), open(b""));

        let (mut socks, _) = begin("2001:db8::1", Some((b"me", b"pw")));
        let request = socks.feed(b"\x05\x00").unwrap().send;
        assert_eq!(request[..4], [5, 1, 0, IPV6]);
        assert_eq!(request.len(), 4 + 16 + 2);
        let v6 = [&b"\x05\x00\x00\x04"[..], &[0; 18]].concat();
        assert_eq!(socks.feed(&v6), open(b""));
    }

    #[test]
    fn a_refusal_says_why() {
        type Feed = &'static [u8];
        let table: [(Feed, SocksError, ErrorKind); 10] = [
            (b"HT", SocksError::NotSocks5(b'H'), ErrorKind::Protocol),
            (b"\x04\x00", SocksError::NotSocks5(4), ErrorKind::Protocol),
            (
                b"\x05\xff",
                SocksError::NoMethod {
                    with_credentials: true,
                },
                ErrorKind::Refused,
            ),
            (
                b"\x05\x01",
                SocksError::UnknownMethod(1),
                ErrorKind::Protocol,
            ),
            (
                b"\x05\x02\x01\x01",
                SocksError::Credentials,
                ErrorKind::Refused,
            ),
            (
                b"\x05\x02\x05\x00",
                SocksError::UnknownLogin(5),
                ErrorKind::Protocol,
            ),
            (
                b"\x05\x00\x05\x00\x07",
                SocksError::Reserved(7),
                ErrorKind::Protocol,
            ),
            (
                b"\x05\x00\x05\x02",
                SocksError::Refused(2),
                ErrorKind::Refused,
            ),
            (
                b"\x05\x00\x05\x04\x00",
                SocksError::Refused(4),
                ErrorKind::Unreachable,
            ),
            (
                b"\x05\x00\x05\x00\x00\x02",
                SocksError::UnknownAddress(2),
                ErrorKind::Protocol,
            ),
        ];
        for (bytes, expected, kind) in table {
            let (mut socks, _) = begin("a.example", Some((b"me", b"pw")));
            let error = socks.feed(bytes).unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
            assert_eq!(error, expected);
            assert!(!error.to_string().contains("pw"), "{error}");
        }
        let refused = SocksError::Refused(2).to_string();
        assert_eq!(refused, "connection not allowed by ruleset (reply code 2)");
    }

    #[test]
    fn a_password_without_a_user_is_told_to_nobody() {
        let (mut socks, first) = begin("a.example", Some((b"", b"pw")));
        assert_eq!(first, b"\x05\x02\x00\x02");
        assert_eq!(socks.feed(b"\x05\x02"), Err(SocksError::NoUser));
        assert_eq!(SocksError::NoUser.kind(), ErrorKind::Refused);
    }

    #[test]
    fn what_there_is_no_room_for_is_refused_before_anything_is_sent() {
        let long = "x".repeat(256);
        let begin = |host: &str, user: &str, password: &str| {
            let credentials = Some((user.as_bytes(), password.as_bytes()));
            Socks5::begin(host, 1, credentials).map(drop)
        };
        assert_eq!(
            begin(&long, "u", "p"),
            Err(SocksError::TooLong("host name"))
        );
        assert_eq!(begin("h", &long, "p"), Err(SocksError::TooLong("user")));
        assert_eq!(begin("h", "u", &long), Err(SocksError::TooLong("password")));
        assert_eq!(begin(&long[1..], &long[1..], &long[1..]), Ok(()));
    }

    /// Feeds the bytes in pieces of one size; returns all that is to be sent, and how it ended.
    fn talk(bytes: &[u8], size: usize) -> (Vec<u8>, Result<Option<Vec<u8>>, SocksError>) {
        let (mut socks, mut sent) = begin("a.example", Some((b"me", b"pw")));
        let mut pieces = bytes.chunks(size);
        while let Some(piece) = pieces.next() {
            match socks.feed(piece) {
                Ok(next) => {
                    sent.extend(next.send);
                    if let Some(mut early) = next.open {
                        early.extend(pieces.flatten());
                        return (sent, Ok(Some(early)));
                    }
                }
                // What is not sent any more depends on how much was read at once.
                Err(error) => return (Vec::new(), Err(error)),
            }
        }
        (sent, Ok(None))
    }

    proptest! {
        #[test]
        fn where_the_bytes_are_split_makes_no_difference(
            with_password in any::<bool>(),
            address in prop_oneof![
                Just([&[IPV4][..], &[0; 4]].concat()),
                Just([&[IPV6][..], &[0; 16]].concat()),
                proptest::collection::vec(any::<u8>(), 0..256)
                    .prop_map(|name| [&[NAME, name.len() as u8][..], &name].concat()),
            ],
            rest in proptest::collection::vec(any::<u8>(), 0..30),
            size in 1..20_usize,
        ) {
            let mut bytes = if with_password { b"\x05\x02\x01\x00".to_vec() } else { b"\x05\x00".to_vec() };
            bytes.extend(b"\x05\x00\x00");
            bytes.extend(address);
            bytes.extend(b"\x04\xd2");
            let head = bytes.len();
            bytes.extend(&rest);
            let (sent, end) = talk(&bytes, size);
            prop_assert_eq!(end, Ok(Some(rest)));
            prop_assert!(sent.ends_with(b"\x09a.example\x01\xbb"));
            for cut in 0..head {
                prop_assert_eq!(talk(&bytes[..cut], size).1, Ok(None));
            }
        }

        #[test]
        fn any_bytes_come_to_the_same_however_they_are_split(
            bytes in proptest::collection::vec(prop_oneof![0..6_u8, any::<u8>()], 0..60),
            size in 1..20_usize,
        ) {
            prop_assert_eq!(talk(&bytes, size), talk(&bytes, bytes.len().max(1)));
        }
    }
}
