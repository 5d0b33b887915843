//! What the command line says about TLS.

use std::fs;
use std::path::{Path, PathBuf};

use httptrace_client::TlsVersion;

use super::UsageError;
use crate::cli::TlsArgs;

/// How TLS is spoken.
#[derive(Debug)]
pub(crate) struct TlsOptions {
    /// Absent: what the system trusts.
    pub(crate) ca: Option<PemFile>,
    pub(crate) insecure: bool,
    pub(crate) certificate: Option<ClientCertificate>,
    pub(crate) min_version: Option<TlsVersion>,
    pub(crate) max_version: Option<TlsVersion>,
}

/// A file that was read but not yet understood.
pub(crate) struct PemFile {
    pub(crate) path: PathBuf,
    pub(crate) pem: Vec<u8>,
}

/// What a server is shown that asks who we are.
#[derive(Debug)]
pub(crate) struct ClientCertificate {
    pub(crate) chain: PemFile,
    /// Absent: it is in the same file.
    pub(crate) key: Option<PemFile>,
}

impl TlsOptions {
    pub(super) fn new(args: TlsArgs) -> Result<Self, UsageError> {
        let certificate = match (args.cert, args.key) {
            (Some(cert), key) => Some(ClientCertificate::read(&cert, key)?),
            (None, None) => None,
            (None, Some(_)) => {
                return Err(UsageError::new(
                    "--key without --cert",
                    "a private key is of use with its certificate: --cert FILE --key FILE",
                ));
            }
        };
        if args.tlsv1 || args.tlsv1_0 || args.tlsv1_1 {
            return Err(UsageError::new(
                "TLS before 1.2 is not spoken",
                "the least that can be asked for is --tlsv1.2",
            ));
        }
        let min_version = match (args.tlsv1_2, args.tlsv1_3) {
            (_, true) => Some(TlsVersion::V1_3),
            (true, _) => Some(TlsVersion::V1_2),
            _ => None,
        };
        let max_version = args.tls_max.as_deref().map(most).transpose()?.flatten();
        if max_version.is_some_and(|most| min_version.is_some_and(|least| most < least)) {
            return Err(UsageError::new(
                "--tlsv1.3 and --tls-max 1.2 leave no version of TLS",
                "leave one of them out",
            ));
        }
        Ok(Self {
            ca: match args.cacert {
                Some(path) => Some(PemFile::read("--cacert", path)?),
                None => None,
            },
            insecure: args.insecure,
            certificate,
            min_version,
            max_version,
        })
    }
}

impl ClientCertificate {
    fn read(cert: &str, key: Option<PathBuf>) -> Result<Self, UsageError> {
        Ok(Self {
            chain: PemFile::read("--cert", PathBuf::from(without_password(cert)))?,
            key: match key {
                Some(path) => Some(PemFile::read("--key", path)?),
                None => None,
            },
        })
    }

    /// The file that the key is in.
    pub(crate) fn key_file(&self) -> &PemFile {
        self.key.as_ref().unwrap_or(&self.chain)
    }
}

impl PemFile {
    fn read(option: &str, path: PathBuf) -> Result<Self, UsageError> {
        match fs::read(&path) {
            Ok(pem) => Ok(Self { path, pem }),
            Err(error) => Err(unreadable(option, &path, &error)),
        }
    }
}

/// Without what is in it, which may be a private key.
impl std::fmt::Debug for PemFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("PemFile").field(&self.path).finish()
    }
}

fn unreadable(option: &str, path: &Path, error: &std::io::Error) -> UsageError {
    let hint = match option {
        "--cert" => "it takes a certificate in PEM; a colon ends its name, \\: is one of the name",
        "--key" => "it takes a private key in PEM",
        _ => "it takes a file of certificates in PEM",
    };
    let message = format!("cannot read {option} '{}': {error}", path.display());
    UsageError::new(message, hint)
}

/// The file of `FILE[:PASSWORD]`, in which `\:` is a colon and `\\` a backslash, as in curl. The password is not kept:
/// encrypted keys cannot be read, and others need none.
fn without_password(cert: &str) -> String {
    let mut file = String::new();
    let mut rest = cert.chars().peekable();
    while let Some(char) = rest.next() {
        match char {
            '\\' => match rest.next_if(|next| matches!(next, ':' | '\\')) {
                Some(escaped) => file.push(escaped),
                None => file.push('\\'),
            },
            // The letter of a drive.
            ':' if cfg!(windows) && file.len() == 1 => file.push(':'),
            ':' => break,
            other => file.push(other),
        }
    }
    file
}

/// `--tls-max`; absent for `default`.
fn most(text: &str) -> Result<Option<TlsVersion>, UsageError> {
    match text {
        "default" => Ok(None),
        "1.2" => Ok(Some(TlsVersion::V1_2)),
        "1.3" => Ok(Some(TlsVersion::V1_3)),
        "1.0" | "1.1" => Err(UsageError::new(
            format!("--tls-max {text}: TLS before 1.2 is not spoken"),
            "it takes 1.2, 1.3 or default",
        )),
        _ => Err(UsageError::new(
            format!("--tls-max '{text}' is not a version of TLS"),
            "it takes 1.2, 1.3 or default",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(not(windows))]
    #[test]
    fn a_password_is_told_from_the_file_as_in_curl() {
        let table = [
            ("a.pem", "a.pem"),
            ("a.pem:secret", "a.pem"),
            ("a.pem:sec:ret", "a.pem"),
            (r"a\:b.pem:secret", "a:b.pem"),
            (r"a\\b.pem", r"a\b.pem"),
            (r"a\b.pem", r"a\b.pem"),
            ("/a.pem:", "/a.pem"),
        ];
        for (typed, file) in table {
            assert_eq!(without_password(typed), file, "{typed}");
        }
    }

    #[test]
    fn files_that_were_read_do_not_show_what_is_in_them() {
        let file = PemFile {
            path: "a".into(),
            pem: b"secret".to_vec(),
        };
        assert_eq!(format!("{file:?}"), "PemFile(\"a\")");
    }
}
