//! How a server wants to be spoken to.

pub(super) use plimsoll_servers::{AUTHORIZATION, TLS_CONFIG};

use super::scalar::any;
use plimsoll_servers::one_of_two;
use plimsoll_spec::{Faults, Key, MapShape, Shape, View, later, optional, required};

/// A name and a password.
pub(super) const BASIC_AUTH: Key = optional("basic_auth", Shape::Map(&NAME_AND_PASSWORD));

static NAME_AND_PASSWORD: MapShape = MapShape {
    keys: &[
        required("username", Shape::TEXT),
        optional("password", Shape::Text(any)),
        optional("password_file", Shape::TEXT),
        later("username_file", "write the name under username"),
    ],
    check: Some(|view, faults| one_of_two(view, faults, "password", "password_file")),
};

pub(super) fn check_access(view: &View<'_>, faults: &mut Faults) {
    if let (Some(_), Some(second)) = (view.get("basic_auth"), view.get("authorization")) {
        faults.add(&second, "`basic_auth` is given too: keep one");
    }
}
