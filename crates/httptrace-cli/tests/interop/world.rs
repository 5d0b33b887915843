//! What is there before any server: the pages, the certificates, the origin.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use httptrace_test::TestCa;
use tempfile::TempDir;

use crate::crowd::page;
use crate::http2_crowd;
use crate::http2_site::Upload;
use crate::origin;

/// How much is uploaded.
pub(crate) const UPLOAD: usize = 3 * 1024 * 1024;

/// `tester` with the password `secret`.
const USERS: &str = "tester:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n";

/// What all servers share.
pub(crate) struct World {
    /// Gone with the world.
    pub(crate) folder: TempDir,
    /// What is filled into templates.
    pub(crate) values: BTreeMap<&'static str, String>,
    /// The certificate authority of all servers, a PEM file.
    pub(crate) authority: PathBuf,
    /// A file to upload.
    pub(crate) upload: PathBuf,
    /// A small one, one of 1 MiB, and the same.
    pub(crate) uploads: [Upload; 3],
}

impl World {
    pub(crate) fn new() -> Result<Self, Box<dyn Error>> {
        let folder = tempfile::Builder::new().prefix("interop").tempdir()?;
        let at = |name: &str| folder.path().join(name);
        open_to_all(folder.path())?;
        let files = at("files");
        fs::create_dir(&files)?;
        fs::create_dir(at("scratch"))?;
        for (name, length) in [
            ("small", origin::SMALL),
            ("medium", origin::MEDIUM),
            ("large", origin::LARGE),
        ] {
            let mut file = fs::File::create(files.join(name))?;
            file.write_all(&origin::text(length))?;
            // Apache gives what has just changed a weak tag, which becomes a strong one.
            file.set_modified(UNIX_EPOCH + Duration::from_secs(1_000_000_000))?;
        }
        fs::create_dir(files.join("crowd"))?;
        for number in 0..http2_crowd::SIZE {
            fs::write(files.join(format!("crowd/{number}")), page(number))?;
        }
        let ca = TestCa::new();
        let (chain, key) = ca.server(&["127.0.0.1", "localhost"]).pem();
        fs::write(at("ca.pem"), ca.pem())?;
        fs::write(at("chain.pem"), &chain)?;
        fs::write(at("key.pem"), &key)?;
        fs::write(at("pair.pem"), chain + &key)?;
        // Of a client that is known by the same authority.
        let (chain, key) = ca.server(&["tester"]).pem();
        fs::write(at("client.pem"), chain)?;
        fs::write(at("client.key"), key)?;
        fs::write(at("users"), USERS)?;
        let path = |name: &str| at(name).display().to_string();
        let values = BTreeMap::from([
            ("FILES", path("files")),
            ("CERTIFICATE", path("chain.pem")),
            ("AUTHORITY", path("ca.pem")),
            ("KEY", path("key.pem")),
            ("PAIR", path("pair.pem")),
            ("USERS", path("users")),
            ("SITE", path("nginx/nginx-site.conf")),
            ("MODULES", "/usr/lib/apache2/modules".to_owned()),
            ("ORIGIN", origin::serve()?.to_string()),
        ]);
        let (authority, upload) = (at("ca.pem"), at("upload"));
        let uploads = [
            ("small-upload", origin::SMALL),
            ("mib-upload", 1024 * 1024),
            ("upload", UPLOAD),
        ];
        for (name, length) in uploads {
            fs::write(at(name), origin::text(length))?;
        }
        let uploads = uploads.map(|(name, length)| (path(name), length as u64));
        Ok(Self {
            folder,
            values,
            authority,
            upload,
            uploads,
        })
    }
}

/// Servers may run as somebody else.
fn open_to_all(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))
}
