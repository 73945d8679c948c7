//! Who may change something: until there are users, only who sits at the same machine.

use super::problem::Problem;
use axum::extract::{ConnectInfo, Request};
use axum::http::header::{FORWARDED, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::{IpAddr, SocketAddr};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Refuses what comes from another machine, through a proxy, or from another site's page in a
/// browser of this machine.
pub(super) async fn only_from_here(
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    if let Some(detail) = refusal(peer, request.headers()) {
        return Problem::new(StatusCode::FORBIDDEN, detail).into_response();
    }
    next.run(request).await
}

fn refusal(peer: SocketAddr, headers: &HeaderMap) -> Option<&'static str> {
    if !peer.ip().to_canonical().is_loopback() {
        return Some("changes are taken from the daemon's own machine only");
    }
    if headers.contains_key(FORWARDED) || headers.contains_key(FORWARDED_FOR) {
        return Some("changes are not taken through a proxy");
    }
    let origin = headers.get(ORIGIN)?.to_str().unwrap_or_default();
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let own = origin.split_once("://").is_some_and(|(_, authority)| authority == host);
    (!own || !is_local(host)).then_some("changes are not taken from another site's page")
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
