//! Probers, from raw to valid.

use super::raw::{RawBands, RawNamedStore, RawPostgres, RawProber, RawRedis};
use super::read::Place;
use super::valid::{Bands, Probed, ProbedWhat, Prober};
use plimsoll_model::bucket::DEFAULT_BANDS;
use plimsoll_spec::{Length, Parsed};
use std::time::Duration;

/// The field of a stream's entries, if the file doesn't say.
const FIELD: &str = "marker";

impl Place<'_> {
    /// Makes a prober; none only of what the walk has refused.
    pub(super) fn prober(&self, raw: &RawProber, read_every: Duration) -> Option<Prober> {
        let length = |given: &Option<Parsed<Length>>| given.as_ref().map(|length| length.0.0);
        let store = |raw: &RawNamedStore| {
            Some((raw.name.clone(), self.probed(raw.postgres.as_ref(), raw.redis.as_ref())?))
        };
        Some(Prober {
            name: raw.name.clone(),
            origin: self.probed(raw.origin.postgres.as_ref(), raw.origin.redis.as_ref())?,
            stores: raw.stores.iter().map(store).collect::<Option<_>>()?,
            interval: length(&raw.interval),
            poll: length(&raw.poll),
            timeout: length(&raw.timeout),
            edges: raw.edges.iter().map(|edge| edge.0.0).collect(),
            bands: raw.bands.as_ref().map(bands),
            read_every,
        })
    }

    fn probed(&self, postgres: Option<&RawPostgres>, redis: Option<&RawRedis>) -> Option<Probed> {
        match (postgres, redis) {
            (Some(raw), _) => self.postgres(raw),
            (None, Some(raw)) => self.redis(raw),
            (None, None) => None,
        }
    }

    fn postgres(&self, raw: &RawPostgres) -> Option<Probed> {
        Some(Probed {
            url: raw.url.clone(),
            password: self.given_secret(&raw.password, &raw.password_file),
            tls: self.tls(&raw.tls_config),
            what: match (&raw.table, &raw.query) {
                (Some(table), _) => ProbedWhat::PostgresTable(table.clone()),
                (None, query) => ProbedWhat::PostgresQuery(query.clone()?),
            },
        })
    }

    fn redis(&self, raw: &RawRedis) -> Option<Probed> {
        let field = raw.field.clone().unwrap_or_else(|| FIELD.into());
        Some(Probed {
            url: raw.url.clone(),
            password: self.given_secret(&raw.password, &raw.password_file),
            tls: self.tls(&raw.tls_config),
            what: match (&raw.key, &raw.stream) {
                (Some(key), _) => ProbedWhat::RedisKey(key.clone()),
                (None, stream) => ProbedWhat::RedisStream { stream: stream.clone()?, field },
            },
        })
    }
}

fn bands(raw: &RawBands) -> Bands {
    let edges = raw.edges.clone().unwrap_or_else(|| DEFAULT_BANDS.to_vec());
    Bands { of: raw.of.clone(), edges }
}
