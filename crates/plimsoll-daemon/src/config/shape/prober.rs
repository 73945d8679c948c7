//! What is probed: a system of record, and the stores that a pipeline fills from it.

use super::access::{TLS, one_of_two};
use super::scalar::{any, some_length};
use plimsoll_prober::{PostgresQuery, PostgresTable, ProberError, RedisKey};
use plimsoll_spec::{Faults, MapShape, Shape, View, optional, required};
use std::collections::HashSet;

/// Every store that is watched is asked many times a second.
const STORES_MAX: usize = 100;

/// Each band of each store is a histogram.
const BANDS_MAX: usize = 16;

const LENGTH: Shape = Shape::Text(some_length);

pub(super) static PROBER: MapShape = MapShape {
    keys: &[
        required("name", Shape::TEXT),
        required("origin", Shape::Map(&ORIGIN)),
        required("stores", Shape::List(&Shape::Map(&STORE))),
        optional("interval", LENGTH),
        optional("poll", LENGTH),
        optional("timeout", LENGTH),
        optional("edges", Shape::List(&LENGTH)),
        optional("bands", Shape::Map(&BANDS)),
    ],
    check: Some(check_stores),
};

static BANDS: MapShape = MapShape {
    keys: &[
        required("of", Shape::TEXT),
        optional("edges", Shape::List(&Shape::Integer(1..=u32::MAX as u64))),
    ],
    check: Some(check_edges),
};

static ORIGIN: MapShape = MapShape {
    keys: &[
        optional("postgres", Shape::Map(&POSTGRES_TABLE)),
        optional("redis", Shape::Map(&REDIS)),
    ],
    check: Some(|view, faults| one_of_two(view, faults, "postgres", "redis")),
};

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
        optional("password", Shape::Text(any)),
        optional("password_file", Shape::TEXT),
        optional("tls_config", Shape::Map(&TLS)),
    ],
    check: Some(check_postgres),
};

static POSTGRES: MapShape = MapShape {
    keys: &[
        required("url", Shape::TEXT),
        optional("table", Shape::TEXT),
        optional("query", Shape::TEXT),
        optional("password", Shape::Text(any)),
        optional("password_file", Shape::TEXT),
        optional("tls_config", Shape::Map(&TLS)),
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
        optional("password", Shape::Text(any)),
        optional("password_file", Shape::TEXT),
        optional("tls_config", Shape::Map(&TLS)),
    ],
    check: Some(check_redis),
};

/// A name is the value of the label `store`, of a prober as of a store: each is given once.
pub(super) fn check_names(view: &View<'_>, faults: &mut Faults) {
    let (mut names, mut stores) = (HashSet::new(), 0);
    let probers = view.get("probers").into_iter().flat_map(|probers| probers.items());
    for prober in probers {
        let watched = prober.get("stores").into_iter().flat_map(|stores| stores.items());
        for each in std::iter::once(prober).chain(watched) {
            let Some(name) = each.get("name") else { continue };
            if name.text().is_some_and(|text| !names.insert(text)) {
                faults.add(&name, "another prober or store has this name");
            }
            stores += 1;
        }
    }
    if let Some(place) = view.get("probers").filter(|_| stores > STORES_MAX) {
        let reason = format!("are more than {STORES_MAX} with their stores: run another daemon");
        faults.add_to_key(&place, reason);
    }
}

fn check_stores(view: &View<'_>, faults: &mut Faults) {
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
    check_server(view, faults, |url| PostgresQuery::new(url, "").map(drop));
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
    check_server(view, faults, |url| RedisKey::new(url, "").map(drop));
}

/// A fault shows what stands there, so an address with a password is told of by another key.
fn check_server(view: &View<'_>, faults: &mut Faults, read: fn(&str) -> Result<(), ProberError>) {
    if let (Some(_), Some(second)) = (view.get("password"), view.get("password_file")) {
        faults.add(&second, "`password` is given too: keep one");
    }
    super::access::check_trust(view, faults);
    let Some(url) = view.get("url") else { return };
    let text = url.text().unwrap_or_default();
    if holds_password(text) {
        let reason = "the address holds a password, which logs may show: give it here instead";
        faults.add_missing(view, "password_file", reason);
    } else if let Err(refused) = read(text) {
        let reason = match refused {
            ProberError::Address { reason, .. } => reason,
            other => other.to_string(),
        };
        faults.add(&url, format!("is no address of a store: {reason}"));
    }
}

fn holds_password(url: &str) -> bool {
    let authority = url.split_once("://").map_or("", |(_, rest)| rest);
    let user = authority.split(['/', '?']).next().and_then(|host| host.rsplit_once('@'));
    user.is_some_and(|(user, _)| user.contains(':')) || url.contains("password=")
}
