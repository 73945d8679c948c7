//! What is probed: a system of record, and the stores that a pipeline fills from it.

use crate::{PASSWORD, PASSWORD_FILE, TLS_CONFIG, check_address, no_store, one_of_two};
use plimsoll_prober::{PostgresQuery, PostgresTable, ProberError, RedisKey};
use plimsoll_spec::{Faults, Key, Length, MapShape, Shape, View, optional, required};
use std::collections::HashSet;

/// Every store that is watched is asked many times a second.
const STORES_MAX: usize = 100;

/// Each band of each store is a histogram.
const BANDS_MAX: usize = 16;

/// A length of time above zero.
static LENGTH: Shape = Shape::Text(some_length);

/// What it is called: the name of its heartbeat, and of the system of record in its series.
pub const NAME: Key = required("name", Shape::TEXT);

/// The system of record, which its markers are written to.
pub const ORIGIN: Key = required("origin", Shape::Map(&ORIGIN_SHAPE));

/// The stores that are watched.
pub const STORES: Key = required("stores", Shape::List(&EACH_STORE));

/// How often a store is looked at that lacks a marker.
pub const POLL: Key = optional("poll", Shape::Text(some_length));

/// How long a store may take to answer.
pub const TIMEOUT: Key = optional("timeout", Shape::Text(some_length));

/// Lengths at which the histogram is exact.
pub const EDGES: Key = optional("edges", Shape::List(&LENGTH));

/// What markers are sorted by.
pub const BANDS: Key = optional("bands", Shape::Map(&BANDS_SHAPE));

static BANDS_SHAPE: MapShape = MapShape {
    keys: &[
        required("of", Shape::TEXT),
        optional("edges", Shape::List(&Shape::Integer(1..=u32::MAX as u64))),
    ],
    check: Some(check_edges),
};

static ORIGIN_SHAPE: MapShape = MapShape {
    keys: &[
        optional("postgres", Shape::Map(&POSTGRES_TABLE)),
        optional("redis", Shape::Map(&REDIS)),
    ],
    check: Some(|view, faults| one_of_two(view, faults, "postgres", "redis")),
};

static EACH_STORE: Shape = Shape::Map(&STORE);

static STORE: MapShape = MapShape {
    keys: &[
        required("name", Shape::TEXT),
        optional("postgres", Shape::Map(&POSTGRES)),
        optional("redis", Shape::Map(&REDIS)),
    ],
    check: Some(|view, faults| one_of_two(view, faults, "postgres", "redis")),
};

static POSTGRES_TABLE: MapShape = MapShape {
    keys: &[
        required("url", Shape::TEXT),
        required("table", Shape::TEXT),
        PASSWORD,
        PASSWORD_FILE,
        TLS_CONFIG,
    ],
    check: Some(check_postgres),
};

static POSTGRES: MapShape = MapShape {
    keys: &[
        required("url", Shape::TEXT),
        optional("table", Shape::TEXT),
        optional("query", Shape::TEXT),
        PASSWORD,
        PASSWORD_FILE,
        TLS_CONFIG,
    ],
    check: Some(|view, faults| {
        one_of_two(view, faults, "table", "query");
        check_postgres(view, faults);
    }),
};

static REDIS: MapShape = MapShape {
    keys: &[
        required("url", Shape::TEXT),
        optional("key", Shape::TEXT),
        optional("stream", Shape::TEXT),
        optional("field", Shape::TEXT),
        PASSWORD,
        PASSWORD_FILE,
        TLS_CONFIG,
    ],
    check: Some(check_redis),
};

/// Holds that names are given once, since each is the value of the label `store`, of a prober as of a
/// store; and that all of them together aren't too many. `list` is the list of probers.
pub fn check_probers(list: Option<&View<'_>>, faults: &mut Faults) {
    let (mut names, mut stores) = (HashSet::new(), 0);
    for prober in list.into_iter().flat_map(View::items) {
        let watched = prober.get("stores").into_iter().flat_map(|stores| stores.items());
        for each in std::iter::once(prober).chain(watched) {
            let Some(name) = each.get("name") else { continue };
            if name.text().is_some_and(|text| !names.insert(text)) {
                faults.add(&name, "another prober or store has this name");
            }
            stores += 1;
        }
    }
    if let Some(place) = list.filter(|_| stores > STORES_MAX) {
        let reason = format!("are more than {STORES_MAX} with their stores: run another daemon");
        faults.add_to_key(place, reason);
    }
}

/// Holds that a prober has a store to watch.
pub fn check_stores(view: &View<'_>, faults: &mut Faults) {
    if let Some(stores) = view.get("stores").filter(|stores| stores.items().next().is_none()) {
        faults.add_to_key(&stores, "needs one store at least");
    }
}

/// An SLO's `when.in_flight.at_least` is one of the edges.
fn check_edges(view: &View<'_>, faults: &mut Faults) {
    let Some(edges) = view.get("edges") else { return };
    let numbers = edges.items().map(|edge| edge.text().and_then(|text| text.parse::<u64>().ok()));
    // What isn't a number has been told of.
    let Some(numbers) = numbers.collect::<Option<Vec<u64>>>() else { return };
    let ascend = numbers.is_sorted_by(|low, high| low < high);
    if numbers.first() != Some(&1) || !ascend || numbers.len() > BANDS_MAX {
        faults.add_to_key(&edges, format!("must ascend from 1 and be at most {BANDS_MAX}"));
    }
}

fn check_postgres(view: &View<'_>, faults: &mut Faults) {
    let read = |url: &str| PostgresQuery::new(url, "").map(drop).map_err(no_store);
    check_address(view, faults, read);
    if let Some(table) = view.get("table") {
        let made = PostgresTable::new("postgres://", table.text().unwrap_or_default(), "");
        if let Err(refused @ ProberError::Table(_)) = made {
            faults.add(&table, refused);
        }
    }
}

fn check_redis(view: &View<'_>, faults: &mut Faults) {
    one_of_two(view, faults, "key", "stream");
    if let Some(field) = view.get("field").filter(|_| view.get("stream").is_none()) {
        faults.add(&field, "means something only beside `stream`");
    }
    check_address(view, faults, |url| RedisKey::new(url, "").map(drop).map_err(no_store));
}

/// Accepts a length of time above zero.
///
/// # Errors
/// What is wrong with it.
pub fn some_length(text: &str) -> Result<(), String> {
    match text.parse::<Length>() {
        Ok(length) if !length.0.is_zero() => Ok(()),
        Ok(_) => Err("must be longer than nothing".into()),
        Err(error) => Err(error.to_string()),
    }
}
