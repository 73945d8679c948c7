//! A page that is read again and again over one connection, and how its server lets us in.

use crate::{Reason, tls};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use plimsoll_servers::{Access, Authorization, check_address};
use plimsoll_spec::{Faults, View};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use serde::Deserialize;
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

/// Bytes of a page: a service's own metrics stay far below.
const BODY_MAX: usize = 16 * 1_024 * 1_024;

/// Where a page is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Page {
    /// Who reads it, where that is asked.
    user: Option<String>,
    is_encrypted: bool,
    authority: String,
    path: String,
}

/// Who reads a page, and whom it trusts.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(crate) struct Visitor {
    #[serde(flatten)]
    access: Access,
    authorization: Option<Authorization>,
}

/// A connection to it; dropped, it is closed.
pub(crate) struct Connection {
    sender: SendRequest<Empty<Bytes>>,
    /// What is said of who reads.
    authorization: Option<String>,
    _driver: JoinSet<()>,
}

impl std::str::FromStr for Page {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let uri: Uri = text.parse().map_err(|error| format!("isn't a URL: {error}"))?;
        match (uri.scheme_str(), uri.authority()) {
            (Some(scheme @ ("http" | "https")), Some(authority)) => {
                let (user, host) = match authority.as_str().rsplit_once('@') {
                    Some((user, _)) if user.contains(':') => {
                        return Err("holds a password, which logs may show".into());
                    }
                    Some((user, host)) => (Some(user.to_owned()), host),
                    None => (None, authority.as_str()),
                };
                let path = uri.path_and_query().map_or("/", |path| path.as_str());
                let (authority, path) = (host.to_owned(), path.to_owned());
                Ok(Self { user, is_encrypted: scheme == "https", authority, path })
            }
            _ => Err("isn't a URL as http://127.0.0.1:9090/metrics".into()),
        }
    }
}

impl std::fmt::Display for Page {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // What stands behind a question mark may be a secret.
        let path = self.path.split('?').next().unwrap_or_default();
        write!(out, "{}{path}", self.authority)
    }
}

impl Page {
    /// Connects as that visitor: by a password, as the user of the address.
    pub(crate) async fn connect(&self, visitor: &Visitor) -> Result<Connection, Reason> {
        let authorization = visitor.authorization(self.user.as_deref())?;
        let (host, port) = self.place();
        let stream = TcpStream::connect((host, port)).await;
        let stream = stream.map_err(|error| self.reason("takes no connection", &error))?;
        if !self.is_encrypted {
            return self.begin(stream, authorization).await;
        }
        let untrusted = |error: &dyn std::fmt::Display| {
            self.reason("takes no TLS connection", &tls::advised(error))
        };
        let config = Arc::new(visitor.tls()?);
        let name = ServerName::try_from(host.to_owned()).map_err(|error| untrusted(&error))?;
        let stream = TlsConnector::from(config).connect(name, stream).await;
        self.begin(stream.map_err(|error| untrusted(&error))?, authorization).await
    }

    async fn begin(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        authorization: Option<String>,
    ) -> Result<Connection, Reason> {
        let shaken = handshake(TokioIo::new(stream)).await;
        let (sender, connection) = shaken.map_err(|error| self.reason("isn't HTTP", &error))?;
        let mut driver = JoinSet::new();
        driver.spawn(async { drop(connection.await) });
        Ok(Connection { sender, authorization, _driver: driver })
    }

    /// Returns host and port.
    fn place(&self) -> (&str, u16) {
        let usual = if self.is_encrypted { 443 } else { 80 };
        let said = self.authority.rsplit_once(':');
        let said = said.and_then(|(host, port)| Some((host, port.parse().ok()?)));
        let (host, port) = said.unwrap_or((&self.authority, usual));
        (host.trim_matches(['[', ']']), port)
    }

    /// Reads it once; returns what its content type is, if it says so, and its body.
    pub(crate) async fn read(
        &self,
        connection: &mut Connection,
        accept: &'static str,
    ) -> Result<(Option<String>, Bytes), Reason> {
        let mut request = Request::get(&self.path)
            .header(HOST, &self.authority)
            .header(ACCEPT, accept)
            .header(USER_AGENT, "plimsoll-sidecar");
        if let Some(authorization) = &connection.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let request = request.body(Empty::new());
        let request = request.map_err(|error| self.reason("can't be asked for", &error))?;
        let broken = |error| self.reason("broke off", &error);
        connection.sender.ready().await.map_err(broken)?;
        let response = connection.sender.send_request(request).await.map_err(broken)?;
        let status = response.status();
        if status == StatusCode::UNAUTHORIZED {
            let why = "a user is asked for: name one in the address, and a `password_file`, or give an \
                       `authorization`";
            return Err(self.reason("answers 401", &why));
        }
        if !status.is_success() {
            return Err(self.reason("answers", &status));
        }
        let told = response.headers().get(CONTENT_TYPE).and_then(|told| told.to_str().ok());
        let told = told.map(str::to_owned);
        let body = Limited::new(response.into_body(), BODY_MAX).collect().await;
        let body = body.map_err(|error| self.reason("can't be read whole", &error))?;
        Ok((told, body.to_bytes()))
    }

    /// Reads it as text.
    pub(crate) async fn text(&self, connection: &mut Connection) -> Result<String, Reason> {
        let (_, body) = self.read(connection, "text/plain").await?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    pub(crate) fn reason(&self, what: &str, why: &dyn std::fmt::Display) -> Reason {
        Reason::new(format_args!("{self} {what}: {why}"))
    }
}

impl Visitor {
    /// Makes relative paths begin in `folder`.
    pub(crate) fn lies_in(&mut self, folder: &Path) {
        self.access.lies_in(folder);
        if let Some(authorization) = &mut self.authorization {
            authorization.lies_in(folder);
        }
    }

    /// Looks at the certificates.
    pub(crate) fn check(&self) -> Result<(), Reason> {
        self.access.server("").check_trust().map_err(Reason::new)
    }

    fn tls(&self) -> Result<ClientConfig, Reason> {
        self.access.server("").tls().map_err(Reason::new)
    }

    /// Returns what is said of who reads.
    fn authorization(&self, user: Option<&str>) -> Result<Option<String>, Reason> {
        if let Some(authorization) = &self.authorization {
            let unread =
                |error| Reason::new(format_args!("its credentials can't be read: {error}"));
            return authorization.header().map(Some).map_err(unread);
        }
        let password = self.access.server("").read_password().map_err(Reason::new)?;
        Ok(user.map(|user| {
            let pair = format!("{user}:{}", password.unwrap_or_default());
            format!("Basic {}", BASE64_STANDARD.encode(pair))
        }))
    }
}

/// Holds that `url` is an address, as `read` says, and that there is one way to be let in.
pub(crate) fn check_visitor(
    view: &View<'_>,
    faults: &mut Faults,
    read: impl Fn(&str) -> Result<(), String>,
) {
    check_address(view, faults, read);
    if let Some(authorization) = view.get("authorization") {
        let url = view.get("url").and_then(|url| url.text().map(str::to_owned));
        let has_user =
            url.is_some_and(|url| url.parse::<Page>().is_ok_and(|page| page.user.is_some()));
        if has_user || view.get("password").or_else(|| view.get("password_file")).is_some() {
            faults.add(&authorization, "a user or a password is given too: keep one");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_on_http_and_shows_no_secret() {
        let page: Page = "http://127.0.0.1:80/metrics?token=x".parse().unwrap();
        assert_eq!(page.to_string(), "127.0.0.1:80/metrics");
        let page: Page = "http://me@a/metrics".parse().unwrap();
        assert_eq!((page.to_string(), page.user.as_deref()), ("a/metrics".into(), Some("me")));
        let at = |text: &str| {
            let page: Page = text.parse().unwrap();
            let (host, port) = page.place();
            (host.to_owned(), port, page.is_encrypted)
        };
        assert_eq!(at("https://a/metrics"), ("a".into(), 443, true));
        assert_eq!(at("http://[::1]/metrics"), ("::1".into(), 80, false));
        assert_eq!(at("https://[::1]:8443/"), ("::1".into(), 8443, true));
        for text in ["ftp://a/metrics", "http://me:secret@a/metrics", "a:80", "/metrics", ""] {
            let fault = text.parse::<Page>().unwrap_err();
            assert!(!fault.contains("secret"), "{fault}");
        }
    }
}
