//! The web configuration: the file of the Prometheus exporter toolkit, and our own `tokens`.

use plimsoll_spec::{Document, Fault, Faults, MapShape, Shape, View, later, optional};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Who may come in, and how the connection is made.
#[derive(Clone, Debug, Default)]
pub(crate) struct WebConfig {
    pub(crate) tls: Option<WebTls>,
    /// By name: the password's bcrypt.
    pub(crate) users: BTreeMap<String, String>,
    /// By name: the token's SHA-256.
    pub(crate) tokens: BTreeMap<String, Vec<u8>>,
}

/// The daemon's certificate, and whether it asks for those of others.
#[derive(Clone, Debug)]
pub(crate) struct WebTls {
    pub(crate) cert_file: PathBuf,
    pub(crate) key_file: PathBuf,
    pub(crate) client_ca_file: Option<PathBuf>,
    /// Who shows no certificate may come in too.
    pub(crate) is_client_optional: bool,
}

static WEB: Shape = Shape::Map(&MapShape {
    keys: &[
        optional("tls_server_config", Shape::Map(&TLS)),
        optional("basic_auth_users", Shape::Table(user, &Shape::Text(bcrypt_hash))),
        optional("tokens", Shape::Table(user, &Shape::Text(token_hash))),
        later("http_server_config", "the daemon speaks HTTP/1.1 and sets its own headers"),
        later("rate_limit", "leave it out"),
    ],
    check: None,
});

static TLS: MapShape = MapShape {
    keys: &[
        optional("cert_file", Shape::TEXT),
        optional("key_file", Shape::TEXT),
        optional("client_auth_type", Shape::Text(client_auth)),
        optional("client_ca_file", Shape::TEXT),
        later("cert", "use cert_file"),
        later("key", "use key_file"),
        later("client_ca", "use client_ca_file"),
        later("client_allowed_sans", "leave it out"),
        later("min_version", "TLS 1.2 and 1.3 are spoken"),
        later("max_version", "TLS 1.2 and 1.3 are spoken"),
        later("cipher_suites", "only strong ones are spoken"),
        later("prefer_server_cipher_suites", "leave it out"),
        later("curve_preferences", "leave it out"),
    ],
    check: Some(check_tls),
};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawWeb {
    tls_server_config: Option<RawTls>,
    basic_auth_users: BTreeMap<String, String>,
    tokens: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawTls {
    cert_file: String,
    key_file: String,
    client_auth_type: Option<String>,
    client_ca_file: Option<String>,
}

/// Reads a web configuration; relative paths in it begin where the file lies.
///
/// # Errors
/// Every fault of the file.
pub(crate) fn read_web(file: &Path) -> Result<WebConfig, Vec<Fault>> {
    let text =
        std::fs::read_to_string(file).map_err(|error| vec![Fault::unreadable(file, error)])?;
    // The toolkit takes an empty file for one that asks for nothing.
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(WebConfig::default());
    }
    let raw: RawWeb = Document::parse(&file.display().to_string(), &text)?.read(&WEB)?;
    let folder = file.parent().unwrap_or(Path::new(""));
    let tls = raw.tls_server_config.map(|tls| WebTls {
        cert_file: folder.join(tls.cert_file),
        key_file: folder.join(tls.key_file),
        client_ca_file: tls.client_ca_file.map(|ca| folder.join(ca)),
        is_client_optional: tls.client_auth_type.as_deref() == Some("VerifyClientCertIfGiven"),
    });
    let tokens = raw.tokens.into_iter();
    let tokens = tokens.filter_map(|(name, hex)| Some((name, unhex(&hex)?))).collect();
    Ok(WebConfig { tls, users: raw.basic_auth_users, tokens })
}

fn user(name: &str) -> Result<(), String> {
    if name.is_empty() || name.contains(':') {
        return Err("a name has at least one character, and no colon".into());
    }
    Ok(())
}

fn bcrypt_hash(text: &str) -> Result<(), String> {
    let is_hash = text.starts_with("$2") && text.parse::<bcrypt::HashParts>().is_ok();
    if is_hash {
        return Ok(());
    }
    Err("is no bcrypt hash: make one with htpasswd -nBC 10 '' | tr -d ':\\n'".into())
}

fn token_hash(text: &str) -> Result<(), String> {
    match unhex(text) {
        Some(_) => Ok(()),
        None => Err("is no SHA-256: make one with printf %s \"$TOKEN\" | sha256sum".into()),
    }
}

/// Reads a SHA-256 in hex.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let bytes = text.as_bytes().chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?;
        u8::from_str_radix(pair, 16).ok()
    });
    bytes.collect::<Option<Vec<u8>>>().filter(|bytes| bytes.len() == 32)
}

fn client_auth(text: &str) -> Result<(), String> {
    match text {
        "NoClientCert" | "VerifyClientCertIfGiven" | "RequireAndVerifyClientCert" => Ok(()),
        "RequestClientCert" | "RequireAnyClientCert" => {
            Err("isn't supported: a certificate that nobody verifies proves nothing".into())
        }
        _ => {
            Err("must be NoClientCert, VerifyClientCertIfGiven or RequireAndVerifyClientCert"
                .into())
        }
    }
}

fn check_tls(view: &View<'_>, faults: &mut Faults) {
    for key in ["cert_file", "key_file"] {
        if view.get(key).is_none() {
            faults.add_missing(view, key, "is required");
        }
    }
    let asks = view.get("client_auth_type").and_then(|kind| kind.text());
    let asks = asks.is_some_and(|kind| kind != "NoClientCert");
    match (asks, view.get("client_ca_file")) {
        (true, None) => faults.add_missing(view, "client_ca_file", "client_auth_type needs it"),
        (false, Some(file)) => {
            faults.add_to_key(&file, "client_auth_type doesn't ask for certificates");
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_of_the_file_is_told_with_its_place() {
        let name = format!("plimsoll-web-{}.yml", std::process::id());
        let file = std::env::temp_dir().join(name);
        let text = "tls_server_config: {cert_file: a.pem, client_auth_type: RequireAnyClientCert}\n\
                    basic_auth_users: {ann: secret}\n\
                    tokens: {ci: secret}\n\
                    http_server_config: {http2: false}\n";
        std::fs::write(&file, text).expect("written");
        let faults = read_web(&file).expect_err("faults");
        let shown = format!("{}:", file.display());
        let told: Vec<String> =
            faults.iter().map(|fault| fault.to_string().replace(&shown, "")).collect();
        let starts = [
            "1:20: tls_server_config.client_ca_file: (missing)",
            "1:20: tls_server_config.key_file: (missing)",
            "1:57: tls_server_config.client_auth_type: RequireAnyClientCert: isn't supported",
            "2:25: basic_auth_users.ann: secret: is no bcrypt hash",
            "3:14: tokens.ci: secret: is no SHA-256",
            "4:1: http_server_config: {http2}: isn't supported yet",
        ];
        assert_eq!(told.len(), starts.len(), "{told:#?}");
        let mut told = told;
        told.sort();
        for (fault, start) in told.iter().zip(starts) {
            assert!(fault.starts_with(start), "{fault}");
        }
        std::fs::write(&file, "# nothing\n").expect("written");
        assert!(read_web(&file).expect("nothing").users.is_empty());
        drop(std::fs::remove_file(&file));
    }
}
