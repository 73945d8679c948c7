//! What is probed: a system of record, and the stores that a pipeline fills from it.

use super::scalar::some_length;
use plimsoll_servers::prober::{
    BANDS, EDGES, NAME, ORIGIN, POLL, STORES, TIMEOUT, check_probers, check_stores,
};
use plimsoll_spec::{Faults, MapShape, Shape, View, optional};

pub(super) static PROBER: MapShape = MapShape {
    keys: &[
        NAME,
        ORIGIN,
        STORES,
        optional("interval", Shape::Text(some_length)),
        POLL,
        TIMEOUT,
        EDGES,
        BANDS,
    ],
    check: Some(check_stores),
};

/// Names are given once, in all of the file.
pub(super) fn check_names(view: &View<'_>, faults: &mut Faults) {
    check_probers(view.get("probers").as_ref(), faults);
}
