//! The client that the options describe.

use httptrace::ClientTrace;
use httptrace_client::{Client, ClientBuilder, IpFamily, RedirectPolicy};

use crate::options::{CaFile, ClientOptions, Family, UsageError, UserAgent};

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
        .danger_accept_invalid_certs(options.insecure)
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
    if let Some(ca) = &options.ca {
        builder = trust(builder, ca)?;
    }
    Ok(with_table(builder, options).build())
}

fn trust(builder: ClientBuilder, ca: &CaFile) -> Result<ClientBuilder, UsageError> {
    builder.add_root_certificates_pem(&ca.pem).map_err(|error| {
        UsageError::new(
            format!("--cacert '{}': {error}", ca.path.display()),
            "it takes a file of certificates in PEM: -----BEGIN CERTIFICATE----- …",
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
