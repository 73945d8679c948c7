//! How a server wants to be spoken to: what stands beside its address.

use plimsoll_prober::{ProberError, Server};
use plimsoll_spec::{Faults, Key, MapShape, Shape, View, later, optional};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

/// The password itself.
pub const PASSWORD: Key = optional("password", Shape::Text(|_| Ok(())));

/// The file that the password stands in.
pub const PASSWORD_FILE: Key = optional("password_file", Shape::TEXT);

/// Whom we trust, and who we are.
pub const TLS_CONFIG: Key = optional("tls_config", Shape::Map(&TLS));

/// Prometheus's `tls_config`, as far as it is supported.
static TLS: MapShape = MapShape {
    keys: &[
        optional("ca_file", Shape::TEXT),
        optional("cert_file", Shape::TEXT),
        optional("key_file", Shape::TEXT),
        optional("insecure_skip_verify", Shape::Flag),
        later("server_name", "name the target as its certificate does"),
        later("ca", "use ca_file"),
        later("cert", "use cert_file"),
        later("key", "use key_file"),
        later("min_version", "TLS 1.2 and 1.3 are spoken"),
        later("max_version", "TLS 1.2 and 1.3 are spoken"),
    ],
    check: Some(check_identity),
};

/// How a server lets us in, and whom we trust. Files are read at each connection: what they hold may
/// change.
#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Access {
    password: Option<String>,
    password_file: Option<PathBuf>,
    tls_config: TlsConfig,
}

/// The address of a database in the words of its own clients, which may hold a password: it isn't shown.
#[derive(Clone, PartialEq, Deserialize)]
pub struct StoreAddress(pub String);

/// Certificates and keys, as PEM.
#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
struct TlsConfig {
    /// Who may have signed the server's certificate; none is whom the system trusts.
    ca_file: Option<PathBuf>,
    /// What is shown to the server.
    cert_file: Option<PathBuf>,
    key_file: Option<PathBuf>,
}

impl Access {
    /// Makes relative paths begin in `folder`, where the configuration lies.
    pub fn lies_in(&mut self, folder: &Path) {
        let TlsConfig { ca_file, cert_file, key_file } = &mut self.tls_config;
        let files = [&mut self.password_file, ca_file, cert_file, key_file];
        for file in files.into_iter().flatten() {
            *file = folder.join(&file);
        }
    }

    /// Describes the server at `url`, which lets us in so.
    pub fn server(&self, url: impl Into<String>) -> Server {
        let mut server = Server::new(url);
        if let Some(password) = self.password.clone() {
            server = server.password(move || Ok(password.clone()));
        }
        if let Some(file) = self.password_file.clone() {
            server = server.password(move || read_text(&file));
        }
        let TlsConfig { ca_file, cert_file, key_file } = self.tls_config.clone();
        if let Some(file) = ca_file {
            server = server.roots(move || read(&file));
        }
        if let Some((certificate, key)) = cert_file.zip(key_file) {
            server = server.identity(move || Ok((read(&certificate)?, read(&key)?)));
        }
        server
    }
}

/// Reads a secret; an editor's last line end isn't part of it.
pub(crate) fn read_text(file: &Path) -> io::Result<String> {
    let text = String::from_utf8(read(file)?).map_err(io::Error::other)?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// The error names the file: there are several.
fn read(file: &Path) -> io::Result<Vec<u8>> {
    fs::read(file)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", file.display())))
}

/// No secret is shown.
impl fmt::Debug for Access {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Access").finish_non_exhaustive()
    }
}

impl AsRef<str> for StoreAddress {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for StoreAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("…")
    }
}

/// Holds that one of two keys is there and not both.
pub fn one_of_two(view: &View<'_>, faults: &mut Faults, one: &str, other: &str) {
    match (view.get(one), view.get(other)) {
        (Some(_), Some(other)) => faults.add(&other, format!("`{one}` is given too: keep one")),
        (None, None) => faults.add_missing(view, one, format!("give it or `{other}`")),
        _ => {}
    }
}

/// Holds that a certificate and its key are given together.
pub fn check_identity(view: &View<'_>, faults: &mut Faults) {
    match (view.get("cert_file"), view.get("key_file")) {
        (Some(_), None) => faults.add_missing(view, "key_file", "cert_file needs it"),
        (None, Some(_)) => faults.add_missing(view, "cert_file", "key_file needs it"),
        _ => {}
    }
}

/// Holds that every certificate is checked: who isn't HTTP can't leave it out.
pub fn check_trust(view: &View<'_>, faults: &mut Faults) {
    let skips = view.get("tls_config").and_then(|tls| tls.get("insecure_skip_verify"));
    if let Some(skips) = skips.filter(|skips| skips.text() == Some("true")) {
        faults.add(&skips, "isn't supported here: give the certificate's authority as ca_file");
    }
}

/// Holds that the address under `url` is one, as `read` says, and that at most one password is given,
/// not in the address: a fault shows what stands there, so it is told of by another key.
pub fn check_address(
    view: &View<'_>,
    faults: &mut Faults,
    read: impl Fn(&str) -> Result<(), String>,
) {
    if let (Some(_), Some(second)) = (view.get("password"), view.get("password_file")) {
        faults.add(&second, "`password` is given too: keep one");
    }
    check_trust(view, faults);
    let Some(url) = view.get("url") else { return };
    let text = url.text().unwrap_or_default();
    if holds_password(text) {
        let reason = "the address holds a password, which logs may show: give it here instead";
        faults.add_missing(view, "password_file", reason);
    } else if let Err(reason) = read(text) {
        faults.add(&url, reason);
    }
}

/// Says why an address is none of a store, for a fault that shows it already.
pub fn no_store(refused: ProberError) -> String {
    match refused {
        ProberError::Address { reason, .. } => format!("is no address of a store: {reason}"),
        other => other.to_string(),
    }
}

fn holds_password(url: &str) -> bool {
    let authority = url.split_once("://").map_or("", |(_, rest)| rest);
    let user = authority.split(['/', '?']).next().and_then(|host| host.rsplit_once('@'));
    user.is_some_and(|(user, _)| user.contains(':')) || url.contains("password=")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_holds_a_password_is_known() {
        let with = ["redis://:x@host", "postgres://me:x@host/db?a=b", "host=db password=x"];
        let without = ["redis://host:6379", "postgres://me@host:5432/db", "host=db user=me"];
        assert!(with.into_iter().all(holds_password));
        assert!(!without.into_iter().any(holds_password));
    }

    #[test]
    fn a_relative_path_begins_where_the_configuration_lies() {
        let file = |path: &str| Some(PathBuf::from(path));
        let tls_config = TlsConfig { ca_file: file("/etc/ca.pem"), ..TlsConfig::default() };
        let mut access = Access { password_file: file("secret"), tls_config, ..Access::default() };
        access.lies_in(Path::new("/etc/plimsoll"));
        assert_eq!(access.password_file, file("/etc/plimsoll/secret"));
        assert_eq!(access.tls_config.ca_file, file("/etc/ca.pem"));
    }
}
