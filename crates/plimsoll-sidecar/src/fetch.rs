//! A page that is read again and again over one connection.

use crate::Reason;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Bytes of a page: a service's own metrics stay far below.
const BODY_MAX: usize = 16 * 1_024 * 1_024;

/// Where a page is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Page {
    /// Who reads it, where that is asked.
    user: Option<String>,
    authority: String,
    path: String,
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
            (Some("http"), Some(authority)) => {
                let (user, host) = match authority.as_str().rsplit_once('@') {
                    Some((user, _)) if user.contains(':') => {
                        return Err("holds a password, which logs may show".into());
                    }
                    Some((user, host)) => (Some(user.to_owned()), host),
                    None => (None, authority.as_str()),
                };
                let path = uri.path_and_query().map_or("/", |path| path.as_str());
                Ok(Self { user, authority: host.to_owned(), path: path.to_owned() })
            }
            (Some("https"), _) => Err("is https: TLS isn't spoken to what runs nearby".into()),
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
    /// Connects; the page is read as its address' user with that password.
    pub(crate) async fn connect(&self, password: Option<&str>) -> Result<Connection, Reason> {
        let has_port =
            self.authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let stream = match has_port {
            true => TcpStream::connect(self.authority.as_str()).await,
            false => TcpStream::connect((self.authority.trim_matches(['[', ']']), 80)).await,
        };
        let stream = stream.map_err(|error| self.reason("takes no connection", &error))?;
        let shaken = handshake(TokioIo::new(stream)).await;
        let (sender, connection) = shaken.map_err(|error| self.reason("isn't HTTP", &error))?;
        let mut driver = JoinSet::new();
        driver.spawn(async { drop(connection.await) });
        let authorization = self.user.as_ref().map(|user| {
            let pair = format!("{user}:{}", password.unwrap_or_default());
            format!("Basic {}", BASE64_STANDARD.encode(pair))
        });
        Ok(Connection { sender, authorization, _driver: driver })
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
            let why = "a user is asked for: name one in the address, and a `password_file`";
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_on_plain_http_and_shows_no_secret() {
        let page: Page = "http://127.0.0.1:80/metrics?token=x".parse().unwrap();
        assert_eq!(page.to_string(), "127.0.0.1:80/metrics");
        let page: Page = "http://me@a/metrics".parse().unwrap();
        assert_eq!((page.to_string(), page.user.as_deref()), ("a/metrics".into(), Some("me")));
        for text in ["https://a/metrics", "http://me:secret@a/metrics", "a:80", "/metrics", ""] {
            let fault = text.parse::<Page>().unwrap_err();
            assert!(!fault.contains("secret"), "{fault}");
        }
    }
}
