//! Where targets come from.

use super::scalar::{dns_type, pattern, some_length, target};
use plimsoll_spec::{Faults, MapShape, Shape, View, optional, required};

/// What to do about a kind of discovery that isn't there.
pub(super) const OTHERS: &str = "use file_sd_configs or dns_sd_configs, or list the targets";

/// What to do where nothing is discovered.
pub(super) const STATIC_ONLY: &str = "list the targets under static_configs";

/// Targets that are what they say.
pub(super) const STATIC: Shape = Shape::List(&Shape::Map(&MapShape {
    keys: &[
        required("targets", Shape::List(&Shape::Text(target))),
        optional("labels", Shape::LABELS),
    ],
    check: None,
}));

/// Targets that relabelling may make addresses of.
pub(in crate::config) const GROUPS: Shape = Shape::List(&Shape::Map(&MapShape {
    keys: &[required("targets", Shape::List(&Shape::TEXT)), optional("labels", Shape::LABELS)],
    check: None,
}));

/// Without relabelling a target is an address.
pub(super) fn check_targets(view: &View<'_>, faults: &mut Faults) {
    if view.get("relabel_configs").is_some() {
        return;
    }
    let groups = view.get("static_configs").into_iter().flat_map(|groups| groups.items());
    let lists = groups.filter_map(|group| group.get("targets"));
    for each in lists.flat_map(|list| list.items()) {
        if let Some(Err(reason)) = each.text().map(target) {
            faults.add(&each, reason);
        }
    }
}

/// Files of target groups, read anew when they change.
pub(super) static FILES: MapShape = MapShape {
    keys: &[
        required("files", Shape::List(&Shape::Text(pattern))),
        optional("refresh_interval", Shape::Text(some_length)),
    ],
    check: None,
};

/// Names whose records are targets.
pub(super) static DNS: MapShape = MapShape {
    keys: &[
        required("names", Shape::List(&Shape::TEXT)),
        optional("type", Shape::Text(dns_type)),
        optional("port", Shape::Integer(1..=65_535)),
        optional("refresh_interval", Shape::Text(some_length)),
    ],
    check: Some(check_port),
};

/// Only a service record says its port.
fn check_port(view: &View<'_>, faults: &mut Faults) {
    let kind = view.get("type").and_then(|kind| kind.text()).unwrap_or("SRV");
    if kind != "SRV" && view.get("port").is_none() {
        faults.add_missing(view, "port", "a record of this type says no port: give it");
    }
}
