//! The client that the options describe.

use httptrace::ClientTrace;
use httptrace_client::{Client, ClientBuilder, IpFamily, RedirectPolicy};

use crate::options::{
    ClientCertificate, ClientOptions, Family, Protocol, TlsOptions, UsageError, UserAgent,
};

pub(super) fn build(options: &ClientOptions, trace: ClientTrace) -> Result<Client, UsageError> {
    let mut builder = Client::builder()
        .trace(trace)
        .timeout(options.max_time)
        .redirect(match options.redirects {
            Some(limit) => RedirectPolicy::limited(limit),
            None => RedirectPolicy::none(),
        })
        .ip_family(match options.family {
            Family::Any => IpFamily::Any,
            Family::V4 => IpFamily::V4Only,
            Family::V6 => IpFamily::V6Only,
        })
        .http2_keep_alive_interval(options.http2_ping)
        .decompress(options.compressed);
    if options.connect_timeout.is_some() {
        builder = builder.connect_timeout(options.connect_timeout);
    }
    if options.expect_continue_timeout.is_some() {
        builder = builder.expect_continue_timeout(options.expect_continue_timeout);
    }
    builder = match &options.user_agent {
        UserAgent::Default => builder,
        UserAgent::Custom(name) => builder.user_agent(name.clone()),
        UserAgent::None => builder.no_user_agent(),
    };
    if let Some(proxy) = &options.proxy {
        builder = builder.proxy(proxy.clone());
    }
    builder = match options.protocol {
        Protocol::Agreed => builder,
        Protocol::Http1 => builder.http1_only(),
        Protocol::Http2 => builder.http2_prior_knowledge(),
    };
    builder = with_route(builder, options);
    builder = with_tls(builder, &options.tls)?;
    Ok(with_table(builder, options).build())
}

/// Where connections lead, and whence.
fn with_route(builder: ClientBuilder, options: &ClientOptions) -> ClientBuilder {
    #[cfg(unix)]
    let builder = match &options.unix_socket {
        Some(path) => builder.unix_socket(path),
        None => builder,
    };
    #[cfg(any(target_os = "android", target_os = "linux"))]
    let builder = match &options.abstract_unix_socket {
        Some(name) => builder.abstract_unix_socket(name),
        None => builder,
    };
    #[cfg(any(
        target_os = "android",
        target_os = "ios",
        target_os = "linux",
        target_os = "macos"
    ))]
    let builder = match &options.local_end.interface {
        Some(name) => builder.interface(name),
        None => builder,
    };
    match options.local_end.address {
        Some(address) => builder.local_address(address),
        None => builder,
    }
}

fn with_tls(builder: ClientBuilder, options: &TlsOptions) -> Result<ClientBuilder, UsageError> {
    let mut builder = builder
        .danger_accept_invalid_certs(options.insecure)
        .min_tls_version(options.min_version)
        .max_tls_version(options.max_version);
    if let Some(ca) = &options.ca {
        let trusting = builder.only_root_certificates_pem(&ca.pem);
        builder = trusting.map_err(|error| {
            UsageError::new(
                format!("--cacert '{}': {error}", ca.path.display()),
                "it takes a file of certificates in PEM: -----BEGIN CERTIFICATE----- …",
            )
        })?;
    }
    if let Some(certificate) = &options.certificate {
        builder = with_certificate(builder, certificate)?;
    }
    builder.tls_key_log_from_env().map_err(|error| {
        UsageError::new(
            error.to_string(),
            "SSLKEYLOGFILE names that file: let it name one that can be written, or unset it",
        )
    })
}

fn with_certificate(
    builder: ClientBuilder,
    certificate: &ClientCertificate,
) -> Result<ClientBuilder, UsageError> {
    let key = certificate.key_file();
    let shown = builder.client_certificate_pem(&certificate.chain.pem, &key.pem);
    shown.map_err(|error| {
        let (chain, key) = (certificate.chain.path.display(), key.path.display());
        UsageError::new(
            format!("--cert '{chain}' with the key in '{key}': {error}"),
            "--cert takes a certificate and --key its private key, both in PEM; one file may hold both",
        )
    })
}

/// The first entry that fits wins; as in curl, `*` is asked last.
fn with_table(mut builder: ClientBuilder, options: &ClientOptions) -> ClientBuilder {
    let is_any = |host: &str| host == "*";
    let named = options.resolve.iter().filter(|entry| !is_any(&entry.host));
    let any = options.resolve.iter().filter(|entry| is_any(&entry.host));
    for entry in named.chain(any) {
        builder = builder.resolve(&entry.host, Some(entry.port), entry.addrs.clone());
    }
    builder
}
