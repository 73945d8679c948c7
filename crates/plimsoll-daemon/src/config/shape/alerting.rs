//! Who is told.

use super::access::{AUTHORIZATION, BASIC_AUTH, TLS_CONFIG, check_access};
use super::discovery::{STATIC, STATIC_ONLY};
use super::scalar::{api_version, path, scheme, some_length, web_url};
use plimsoll_spec::{MapShape, Shape, later, optional, required};

pub(super) static ALERTING: MapShape = MapShape {
    keys: &[
        optional("alertmanagers", Shape::List(&Shape::Map(&ALERTMANAGER))),
        optional("webhooks", Shape::List(&Shape::Map(&WEBHOOK))),
        optional("stdout", Shape::Flag),
        later("alert_relabel_configs", "give labels in the SLO file"),
    ],
    check: None,
};

pub(super) static ALERTMANAGER: MapShape = MapShape {
    keys: &[
        optional("static_configs", STATIC),
        optional("scheme", Shape::Text(scheme)),
        optional("path_prefix", Shape::Text(path)),
        optional("timeout", Shape::Text(some_length)),
        optional("api_version", Shape::Text(api_version)),
        BASIC_AUTH,
        AUTHORIZATION,
        TLS_CONFIG,
        later("relabel_configs", STATIC_ONLY),
        later("alert_relabel_configs", "give labels in the SLO file"),
        later("file_sd_configs", STATIC_ONLY),
        later("dns_sd_configs", STATIC_ONLY),
        later("kubernetes_sd_configs", STATIC_ONLY),
        later("proxy_url", "the daemon connects directly"),
    ],
    check: Some(check_access),
};

pub(super) static WEBHOOK: MapShape = MapShape {
    keys: &[required("url", Shape::Text(web_url)), optional("secret_file", Shape::TEXT)],
    check: None,
};
