//! Who may come in, and who may change something.

use super::Shared;
use super::problem::Problem;
use crate::web::Entry;
use axum::Extension;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{FORWARDED, HOST, ORIGIN, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Lets in who proves who they are, or everybody where nobody is asked; notes which it was.
pub(super) async fn may_enter(
    State(shared): State<Arc<Shared>>,
    mut request: Request,
    next: Next,
) -> Response {
    let entry = shared.gate.enter(request.headers()).await;
    if entry == Entry::Refused {
        let detail = "give a user and a password, or a token, that the web configuration knows";
        let mut response = Problem::new(StatusCode::UNAUTHORIZED, detail).into_response();
        let asks = HeaderValue::from_static("Basic realm=\"plimsoll\", charset=\"UTF-8\"");
        response.headers_mut().insert(WWW_AUTHENTICATE, asks);
        return response;
    }
    request.extensions_mut().insert(entry);
    next.run(request).await
}

/// Refuses to change anything for another site's page, and, where nobody is asked who they are,
/// for another machine.
pub(super) async fn may_change(
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Extension(entry): Extension<Entry>,
    request: Request,
    next: Next,
) -> Response {
    let refusal = match entry {
        Entry::Known => foreign(request.headers()),
        Entry::Open | Entry::Refused => refusal(peer, request.headers()),
    };
    if let Some(detail) = refusal {
        return Problem::new(StatusCode::FORBIDDEN, detail).into_response();
    }
    next.run(request).await
}

const FOREIGN: &str = "changes are not taken from another site's page";

/// A browser sends the password that it remembers with another site's request too.
fn foreign(headers: &HeaderMap) -> Option<&'static str> {
    let origin = headers.get(ORIGIN)?.to_str().unwrap_or_default();
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let is_own = origin.split_once("://").is_some_and(|(_, authority)| authority == host);
    (!is_own).then_some(FOREIGN)
}

fn refusal(peer: SocketAddr, headers: &HeaderMap) -> Option<&'static str> {
    if !peer.ip().to_canonical().is_loopback() {
        return Some(
            "changes are taken from the daemon's own machine only, or give web_config users",
        );
    }
    if headers.contains_key(FORWARDED) || headers.contains_key(FORWARDED_FOR) {
        return Some("changes are not taken through a proxy");
    }
    headers.get(ORIGIN)?;
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    foreign(headers).or((!is_local(host)).then_some(FOREIGN))
}

/// A name that isn't this machine's own may be another site's that was made to point here.
fn is_local(host: &str) -> bool {
    let name = match host.parse::<SocketAddr>() {
        Ok(address) => return address.ip().is_loopback(),
        Err(_) => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn asks(peer: &str, headers: &[(HeaderName, &'static str)]) -> bool {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_static(value)))
            .collect();
        refusal(peer.parse().expect("an address"), &headers).is_none()
    }

    #[test]
    fn only_a_program_or_page_of_this_machine_may_change_something() {
        assert!(asks("127.0.0.1:1", &[]));
        assert!(asks("[::ffff:127.0.0.1]:1", &[]));
        assert!(asks("[::1]:1", &[(HOST, "localhost:9797"), (ORIGIN, "http://localhost:9797")]));
        assert!(!asks("10.0.0.8:1", &[]));
        assert!(!asks("127.0.0.1:1", &[(FORWARDED_FOR, "10.0.0.8")]));
        assert!(!asks("127.0.0.1:1", &[(HOST, "localhost:9797"), (ORIGIN, "http://evil.test")]));
        assert!(!asks(
            "127.0.0.1:1",
            &[(HOST, "evil.test:9797"), (ORIGIN, "http://evil.test:9797")]
        ));
        assert!(!asks("127.0.0.1:1", &[(HOST, "localhost:9797"), (ORIGIN, "null")]));
    }
}
