//! The TLS handshake.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use httptrace::info::TlsLeg;
use httptrace::{Emitter, ErrorKind, Phase};
use rustls::ClientConfig;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::deadline::Deadline;
use super::stream::Io;
use super::{Dialed, Stream, Target, dns};
use crate::error::Error;
use crate::pool::Protocols;

mod alert;
mod config;
mod failure;
mod key_log;
mod own_roots;
pub(crate) mod pem;
mod session;
mod version;

pub(crate) use alert::{alert_behind, alert_reason};
pub(crate) use key_log::KeyLogFile;
pub use version::TlsVersion;

/// How TLS is spoken.
pub(crate) struct TlsConfig {
    /// Authorities to trust beside the platform's, or instead of them.
    pub(crate) roots: Vec<CertificateDer<'static>>,
    /// Whether the platform's authorities are trusted.
    pub(crate) platform_roots: bool,
    pub(crate) accept_invalid_certs: bool,
    /// Whether the peer is told which name is wanted.
    pub(crate) sni: bool,
    /// The protocols offered, in order of preference.
    pub(crate) alpn: Vec<Vec<u8>>,
    /// Absent: the least that is spoken at all.
    pub(crate) min_version: Option<TlsVersion>,
    /// Absent: the most that is spoken at all.
    pub(crate) max_version: Option<TlsVersion>,
    /// What is shown to a peer that asks who we are.
    pub(crate) client_certificate: Option<Arc<CertifiedKey>>,
    /// Where the secrets of sessions are written to.
    pub(crate) key_log: Option<Arc<KeyLogFile>>,
    /// The user's own, used as it is but for `alpn`.
    pub(crate) config: Option<Arc<ClientConfig>>,
}

impl Default for TlsConfig {
    fn default() -> Self {
        Self {
            roots: Vec::new(),
            platform_roots: true,
            accept_invalid_certs: false,
            sni: true,
            alpn: vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            min_version: None,
            max_version: None,
            client_certificate: None,
            key_log: None,
            config: None,
        }
    }
}

/// Speaks TLS for one client. Its sessions are resumed by later handshakes.
pub(super) struct Tls {
    config: Arc<TlsConfig>,
    timeout: Option<Duration>,
    /// Built at the first handshake: a machine without root certificates can still speak http.
    client_config: Arc<ConfigSlot>,
}

impl Tls {
    pub(super) fn new(config: TlsConfig, timeout: Option<Duration>) -> Self {
        Self {
            config: Arc::new(config),
            timeout,
            client_config: Arc::default(),
        }
    }

    /// Puts TLS on top of a connection.
    pub(super) async fn handshake(
        &self,
        lower: Dialed,
        client_config: Arc<ClientConfig>,
        target: &Target,
        deadline: Deadline,
        emitter: &Emitter,
    ) -> Result<Dialed, Error> {
        let name = server_name(target)?;
        let client_config = self
            .client_config
            .variant(client_config, &self.config, target);
        let handshake = Handshake {
            sni: match &name {
                ServerName::DnsName(_) if client_config.enable_sni => {
                    Some(target.host.strip_suffix('.').unwrap_or(&target.host))
                }
                _ => None,
            },
            connector: TlsConnector::from(client_config),
            name: name.clone(),
            target,
            deadline,
            timeout: self.timeout,
            emitter,
        };
        let (stream, alpn) = match lower.stream {
            Stream::Tcp(io) => {
                let stream = handshake.run(io).await?;
                let alpn = session::alpn(&stream);
                (Stream::Tls(Box::new(stream)), alpn)
            }
            other => {
                let io: Box<dyn Io> = match other {
                    Stream::Custom(io) => io,
                    other => Box::new(other),
                };
                let stream = handshake.run(io).await?;
                let alpn = session::alpn(&stream);
                (Stream::TlsOverCustom(Box::new(stream)), alpn)
            }
        };
        Ok(Dialed {
            stream,
            alpn,
            ..lower
        })
    }

    /// As [`set_up`](Self::set_up), where TLS is spoken at all.
    pub(super) async fn set_up_if(
        &self,
        needed: bool,
        deadline: Deadline,
    ) -> Result<Option<Arc<ClientConfig>>, Error> {
        match needed {
            true => self.set_up(deadline).await.map(Some),
            false => Ok(None),
        }
    }

    /// Builds the configuration if that has not been done yet; after a failure it is tried again.
    pub(super) async fn set_up(&self, deadline: Deadline) -> Result<Arc<ClientConfig>, Error> {
        if let Some(built) = self.client_config.built.get() {
            return Ok(Arc::clone(built));
        }
        let (slot, config) = (Arc::clone(&self.client_config), Arc::clone(&self.config));
        // On a blocking thread: the platform's certificates are read from files.
        let building = tokio::task::spawn_blocking(move || slot.get_or_build(&config));
        match deadline.bound(building).await {
            Ok(Ok(built)) => built,
            Ok(Err(panic)) => Err(
                Error::new(Phase::Tls, ErrorKind::Tls, "setting up TLS failed").with_source(panic),
            ),
            Err(_) => Err(Error::timeout(Phase::Tls, "setting up TLS", deadline.limit)),
        }
    }
}

/// The configuration, once it is built.
#[derive(Default)]
struct ConfigSlot {
    built: OnceLock<Arc<ClientConfig>>,
    /// Held while it is being built, on a blocking thread: those go on when the runtime that asked stands still.
    building: Mutex<()>,
    /// The same for peers that are offered something else, or not shown everything. There are few.
    variants: Mutex<Vec<(Audience, Arc<ClientConfig>)>>,
}

/// What a peer is offered and shown depends on this.
type Audience = (Protocols, TlsLeg);

impl ConfigSlot {
    fn get_or_build(&self, config: &TlsConfig) -> Result<Arc<ClientConfig>, Error> {
        let _building = self.building.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(built) = self.built.get() {
            return Ok(Arc::clone(built));
        }
        let built = config::build(config)?;
        Ok(Arc::clone(self.built.get_or_init(|| built)))
    }

    /// The configuration for a peer.
    fn variant(
        &self,
        built: Arc<ClientConfig>,
        config: &TlsConfig,
        peer: &Target,
    ) -> Arc<ClientConfig> {
        let audience = (peer.protocols, peer.leg);
        let mut variants = self.variants.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, known)) = variants.iter().find(|(known, _)| *known == audience) {
            return Arc::clone(known);
        }
        let variant = config::for_peer(built, config, peer.protocols, peer.leg);
        variants.push((audience, Arc::clone(&variant)));
        variant
    }
}

/// The name the peer's certificate must be valid for.
fn server_name(target: &Target) -> Result<ServerName<'static>, Error> {
    if let Some(ip) = dns::literal_ip(&target.host) {
        return Ok(ServerName::from(ip));
    }
    ServerName::try_from(target.host.to_string()).map_err(|error| {
        let message = format!(
            "{:?} is no name that a certificate could be for",
            target.host
        );
        Error::new(Phase::Tls, ErrorKind::Tls, message).with_source(error)
    })
}

/// One handshake.
struct Handshake<'a> {
    connector: TlsConnector,
    /// The name the peer is told.
    sni: Option<&'a str>,
    name: ServerName<'static>,
    target: &'a Target,
    deadline: Deadline,
    timeout: Option<Duration>,
    emitter: &'a Emitter,
}

impl Handshake<'_> {
    async fn run<IO: Io>(self, io: IO) -> Result<TlsStream<IO>, Error> {
        let guard = self.emitter.tls_handshake_start(self.target.leg, self.sni);
        let own = Deadline::start(self.timeout);
        let (deadline, what) = if own.is_before(self.deadline) {
            (own, "TLS handshake".to_owned())
        } else {
            let what = format!("connecting to {} (during the TLS handshake)", self.target);
            (self.deadline, what)
        };
        let connecting = self.connector.connect(self.name, io);
        let result = match deadline.bound(connecting).await {
            Ok(result) => result.map_err(|error| failure::explain(self.target, error)),
            Err(_) => Err(Error::timeout(Phase::Tls, &what, deadline.limit)),
        };
        guard.done(|done| match &result {
            Ok(stream) => session::tell(stream.get_ref().1, done),
            Err(error) => done.with_error(error.to_event()),
        });
        result
    }
}

#[cfg(test)]
mod tests;
