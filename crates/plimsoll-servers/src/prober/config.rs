use crate::{Access, StoreAddress};
use plimsoll_prober::{
    Origin, PostgresQuery, PostgresTable, ProberError, ProberSpec, RedisKey, RedisStream, Serving,
};
use plimsoll_spec::{Length, Parsed};
use serde::Deserialize;
use std::path::Path;

/// The table, and the key, of a heartbeat whose address alone is known.
const HEARTBEAT: &str = "plimsoll_heartbeat";

/// The field of a stream's entries, if nothing else is said.
const FIELD: &str = "marker";

/// A prober of one system of record and of the stores behind it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ProberConfig {
    /// What it is called: the heartbeat's name.
    pub name: String,
    /// The system of record.
    pub origin: StoreConfig,
    stores: Vec<NamedStore>,
    interval: Option<Parsed<Length>>,
    poll: Option<Parsed<Length>>,
    timeout: Option<Parsed<Length>>,
    #[serde(default)]
    edges: Vec<Parsed<Length>>,
    /// What its markers are sorted by; they aren't where nothing is said.
    pub bands: Option<BandsConfig>,
}

/// Markers are sorted by how many of an operation are in flight when each is committed.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct BandsConfig {
    /// The operation.
    pub of: String,
    /// The lower edges.
    pub edges: Option<Vec<u64>>,
}

/// A store that shows markers.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct StoreConfig {
    postgres: Option<PostgresConfig>,
    redis: Option<RedisConfig>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct NamedStore {
    name: String,
    #[serde(flatten)]
    store: StoreConfig,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct PostgresConfig {
    url: StoreAddress,
    table: Option<String>,
    query: Option<String>,
    #[serde(flatten)]
    access: Access,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct RedisConfig {
    url: StoreAddress,
    key: Option<String>,
    stream: Option<String>,
    field: Option<String>,
    #[serde(flatten)]
    access: Access,
}

impl ProberConfig {
    /// Describes a prober of one store with nothing else said.
    pub fn of(
        name: impl Into<String>,
        origin: StoreConfig,
        (store_name, store): (String, StoreConfig),
    ) -> Self {
        Self {
            name: name.into(),
            origin,
            stores: vec![NamedStore { name: store_name, store }],
            interval: None,
            poll: None,
            timeout: None,
            edges: Vec::new(),
            bands: None,
        }
    }

    /// Returns how many stores it watches.
    pub fn stores_len(&self) -> usize {
        self.stores.len()
    }

    /// Makes relative paths begin in `folder`, where the configuration lies.
    pub fn lies_in(&mut self, folder: &Path) {
        let watched = self.stores.iter_mut().map(|named| &mut named.store);
        for store in std::iter::once(&mut self.origin).chain(watched) {
            if let Some(postgres) = &mut store.postgres {
                postgres.access.lies_in(folder);
            }
            if let Some(redis) = &mut store.redis {
                redis.access.lies_in(folder);
            }
        }
    }

    /// Describes what it does, bands aside. `seed` tells its markers from those of every other start.
    ///
    /// # Errors
    /// An address, a certificate or a table that can't be used.
    pub fn spec(&self, seed: u64) -> Result<ProberSpec, ProberError> {
        // The heartbeat of a table is called as the prober is.
        let name = self.name.as_str();
        let mut spec = ProberSpec::new(name, self.origin.origin(name)?, seed);
        for NamedStore { name: store_name, store } in &self.stores {
            spec = spec.store(store_name, store.serving(name)?);
        }
        if let Some(Parsed(interval)) = &self.interval {
            spec = spec.interval(interval.0);
        }
        if let Some(Parsed(poll)) = &self.poll {
            spec = spec.poll(poll.0);
        }
        if let Some(Parsed(timeout)) = &self.timeout {
            spec = spec.timeout(timeout.0);
        }
        let edges: Vec<_> = self.edges.iter().map(|edge| edge.0.0).collect();
        Ok(spec.edges(&edges))
    }
}

impl StoreConfig {
    /// Describes the heartbeat `plimsoll_heartbeat` at an address: a table of PostgreSQL, a key of Redis.
    pub fn at(url: &str) -> Self {
        let (url, access) = (StoreAddress(url.to_owned()), Access::default());
        let heartbeat = Some(HEARTBEAT.to_owned());
        if url.0.starts_with("redis") {
            let (key, stream, field) = (heartbeat, None, None);
            let redis = RedisConfig { url, key, stream, field, access };
            return Self { postgres: None, redis: Some(redis) };
        }
        let postgres = PostgresConfig { url, table: heartbeat, query: None, access };
        Self { postgres: Some(postgres), redis: None }
    }

    fn origin(&self, name: &str) -> Result<Box<dyn Origin>, ProberError> {
        Ok(match (&self.postgres, &self.redis) {
            (Some(postgres), _) => Box::new(postgres.table(name)?),
            (None, Some(redis)) => match redis.stream()? {
                Some(stream) => Box::new(stream),
                None => Box::new(redis.key()?),
            },
            (None, None) => return Err(ProberError::NoStore),
        })
    }

    fn serving(&self, name: &str) -> Result<Box<dyn Serving>, ProberError> {
        Ok(match (&self.postgres, &self.redis) {
            (Some(PostgresConfig { url, query: Some(query), access, .. }), _) => {
                Box::new(PostgresQuery::new(access.server(&url.0), query)?)
            }
            (Some(postgres), _) => Box::new(postgres.table(name)?),
            (None, Some(redis)) => match redis.stream()? {
                Some(stream) => Box::new(stream),
                None => Box::new(redis.key()?),
            },
            (None, None) => return Err(ProberError::NoStore),
        })
    }
}

impl PostgresConfig {
    fn table(&self, name: &str) -> Result<PostgresTable, ProberError> {
        let table = self.table.as_deref().unwrap_or(HEARTBEAT);
        PostgresTable::new(self.access.server(&self.url.0), table, name)
    }
}

impl RedisConfig {
    fn key(&self) -> Result<RedisKey, ProberError> {
        let key = self.key.as_deref().unwrap_or(HEARTBEAT);
        RedisKey::new(self.access.server(&self.url.0), key)
    }

    fn stream(&self) -> Result<Option<RedisStream>, ProberError> {
        let field = self.field.as_deref().unwrap_or(FIELD);
        let server = || self.access.server(&self.url.0);
        let stream = self.stream.as_ref();
        stream.map(|stream| RedisStream::new(server(), stream, field)).transpose()
    }
}
