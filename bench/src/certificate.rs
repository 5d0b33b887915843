//! A certificate to throw away: the driver makes it, and its children find it in their environment.

use crate::Error;

/// The variable that holds the certificate, as PEM.
pub(crate) const CERTIFICATE: &str = "BENCH_CERTIFICATE";
/// The variable that holds its key, as PEM.
pub(crate) const KEY: &str = "BENCH_KEY";

/// A certificate for the loopback address, and its key.
#[derive(Clone, Debug)]
pub(crate) struct Certificate {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Certificate {
    pub(crate) fn new() -> Result<Self, Error> {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])?;
        Ok(Self {
            certificate: made.cert.pem(),
            key: made.signing_key.serialize_pem(),
        })
    }
}

/// What the driver has put into the environment.
pub(crate) fn given(variable: &str) -> Result<String, Error> {
    std::env::var(variable).map_err(|error| format!("{variable}: {error}").into())
}
