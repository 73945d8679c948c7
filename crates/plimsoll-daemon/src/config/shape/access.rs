//! How a server wants to be spoken to.

use super::scalar::{any, authorization_type};
use super::scrape::check_timeout;
use plimsoll_spec::{Faults, MapShape, Shape, View, later, optional, required};

pub(super) static BASIC_AUTH: MapShape = MapShape {
    keys: &[
        required("username", Shape::TEXT),
        optional("password", Shape::Text(any)),
        optional("password_file", Shape::TEXT),
        later("username_file", "write the name under username"),
    ],
    check: Some(|view, faults| one_of_two(view, faults, "password", "password_file")),
};

pub(super) static AUTHORIZATION: MapShape = MapShape {
    keys: &[
        optional("type", Shape::Text(authorization_type)),
        optional("credentials", Shape::TEXT),
        optional("credentials_file", Shape::TEXT),
    ],
    check: Some(|view, faults| one_of_two(view, faults, "credentials", "credentials_file")),
};

pub(super) static TLS: MapShape = MapShape {
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

pub(super) fn one_of_two(view: &View<'_>, faults: &mut Faults, one: &str, other: &str) {
    match (view.get(one), view.get(other)) {
        (Some(_), Some(other)) => faults.add(&other, format!("`{one}` is given too: keep one")),
        (None, None) => faults.add_missing(view, one, format!("give it or `{other}`")),
        _ => {}
    }
}

pub(super) fn check_identity(view: &View<'_>, faults: &mut Faults) {
    match (view.get("cert_file"), view.get("key_file")) {
        (Some(_), None) => faults.add_missing(view, "key_file", "cert_file needs it"),
        (None, Some(_)) => faults.add_missing(view, "cert_file", "key_file needs it"),
        _ => {}
    }
}

pub(super) fn check_access(view: &View<'_>, faults: &mut Faults) {
    if let (Some(_), Some(second)) = (view.get("basic_auth"), view.get("authorization")) {
        faults.add(&second, "`basic_auth` is given too: keep one");
    }
    check_timeout(view, faults);
}

/// What isn't HTTP checks every certificate.
pub(super) fn check_trust(view: &View<'_>, faults: &mut Faults) {
    let skips = view.get("tls_config").and_then(|tls| tls.get("insecure_skip_verify"));
    if let Some(skips) = skips.filter(|skips| skips.text() == Some("true")) {
        faults.add(&skips, "isn't supported here: give the certificate's authority as ca_file");
    }
}
