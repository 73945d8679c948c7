//! From what the configuration says of a prober to one that can run.

use super::in_flight::InFlight;
use crate::config::{Probed, ProbedWhat, Prober as ProberConfig, Tls};
use plimsoll_prober::{
    Origin, PostgresQuery, PostgresTable, Prober, ProberError, ProberSpec, RedisKey, RedisStream,
    Server, Serving,
};
use plimsoll_record::Registry;
use std::sync::Arc;

/// Why a prober can't be built.
#[derive(Debug, thiserror::Error)]
#[error("prober {prober}: {reason}")]
pub(crate) struct ProbeError {
    prober: String,
    reason: ProberError,
}

/// Makes the prober that the configuration describes.
pub(super) fn prober(
    config: &ProberConfig,
    registry: &Registry,
    in_flight: Option<Arc<InFlight>>,
    seed: u64,
) -> Result<Prober, ProbeError> {
    let built = spec(config, in_flight, seed).and_then(|spec| spec.build_in(registry));
    built.map_err(|reason| ProbeError { prober: config.name.clone(), reason })
}

fn spec(
    config: &ProberConfig,
    in_flight: Option<Arc<InFlight>>,
    seed: u64,
) -> Result<ProberSpec, ProberError> {
    let name = config.name.as_str();
    let mut spec = ProberSpec::new(name, origin(&config.origin, name)?, seed);
    for (store, probed) in &config.stores {
        spec = spec.store(store, serving(probed, name)?);
    }
    if let Some(interval) = config.interval {
        spec = spec.interval(interval);
    }
    if let Some(poll) = config.poll {
        spec = spec.poll(poll);
    }
    if let Some(timeout) = config.timeout {
        spec = spec.timeout(timeout);
    }
    if let Some((bands, in_flight)) = config.bands.as_ref().zip(in_flight) {
        spec = spec.banded(&bands.edges, move || in_flight.now());
    }
    Ok(spec.edges(&config.edges))
}

/// The heartbeat of a table is called as the prober is.
fn origin(probed: &Probed, name: &str) -> Result<Box<dyn Origin>, ProberError> {
    let server = server(probed);
    Ok(match &probed.what {
        ProbedWhat::PostgresTable(table) => Box::new(PostgresTable::new(server, table, name)?),
        ProbedWhat::PostgresQuery(query) => return Err(ProberError::Table(query.clone())),
        ProbedWhat::RedisKey(key) => Box::new(RedisKey::new(server, key)?),
        ProbedWhat::RedisStream { stream, field } => {
            Box::new(RedisStream::new(server, stream, field)?)
        }
    })
}

fn serving(probed: &Probed, name: &str) -> Result<Box<dyn Serving>, ProberError> {
    let server = server(probed);
    Ok(match &probed.what {
        ProbedWhat::PostgresTable(table) => Box::new(PostgresTable::new(server, table, name)?),
        ProbedWhat::PostgresQuery(query) => Box::new(PostgresQuery::new(server, query)?),
        ProbedWhat::RedisKey(key) => Box::new(RedisKey::new(server, key)?),
        ProbedWhat::RedisStream { stream, field } => {
            Box::new(RedisStream::new(server, stream, field)?)
        }
    })
}

/// Makes a server that reads its password and its certificates at each connection.
fn server(probed: &Probed) -> Server {
    let mut server = Server::new(&probed.url);
    if let Some(secret) = probed.password.clone() {
        server = server.password(move || secret.read());
    }
    let Tls { ca_file, identity, .. } = probed.tls.clone();
    if let Some(file) = ca_file {
        server = server.roots(move || std::fs::read(&file));
    }
    if let Some(identity) = identity {
        let read =
            move || Ok((std::fs::read(&identity.cert_file)?, std::fs::read(&identity.key_file)?));
        server = server.identity(read);
    }
    server
}
