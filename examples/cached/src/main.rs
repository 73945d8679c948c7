//! Prices whose rebuilds are guarded: each line that a client sends is an article, the answer its price.
//!
//! Without a Redis a process guards for itself. With one, all processes that are given it share the
//! prices, and one of them rebuilds each.

use plimsoll::Registry;
use plimsoll_cache::{Cache, CacheConfig, LocalStore, Lock, LockConfig};
use plimsoll_cache::{Redis, RedisLeases, RedisStore, Store};
use plimsoll_runtime::{admin, ready::Readiness, shutdown};
use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Works out a price, which takes a while.
async fn price(article: Arc<str>) -> Result<String, Infallible> {
    tokio::time::sleep(Duration::from_millis(200)).await;
    Ok(format!("{}.50", article.len()))
}

/// Makes the prices of one process.
fn local() -> Result<Cache<LocalStore<String>>, Box<dyn Error>> {
    Ok(Cache::named("prices", CacheConfig::default(), LocalStore::new(10_000), price)?)
}

/// Makes the prices of a fleet.
fn shared(url: &str) -> Result<Cache<RedisStore<String>>, Box<dyn Error>> {
    let redis = Redis::lazy(url, Duration::from_millis(250))?;
    let leases = RedisLeases::new(redis.clone(), "shop");
    let config = CacheConfig {
        lock: Some(Lock::named("prices", leases, LockConfig::default())?),
        copies_max: 1_000, // served while Redis is down
        ..CacheConfig::default()
    };
    Ok(Cache::named("prices", config, RedisStore::new(redis, "shop"), price)?)
}

/// Answers each line of a client.
async fn serve<S: Store<Value = String>>(client: TcpStream, prices: Cache<S>) -> io::Result<()> {
    let mut client = BufReader::new(client);
    let mut article = String::new();
    while client.read_line(&mut article).await? > 0 {
        let answer = match prices.get(article.trim_end()).await {
            Ok(price) => price.value,
            Err(error) => error.to_string(),
        };
        client.write_all(format!("{answer}\n").as_bytes()).await?;
        article.clear();
    }
    Ok(())
}

async fn run<S: Store<Value = String>>(
    service: SocketAddr,
    metrics: SocketAddr,
    prices: Cache<S>,
) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(service).await?;
    let admin = admin::spawn(metrics, Registry::global().clone(), Readiness::new())?;
    print_addresses(listener.local_addr()?, admin.address());
    let (stopper, stop) = shutdown::channel();
    tokio::spawn(shutdown::on_signals(stopper)?);
    let mut clients = JoinSet::new();
    while let Some(client) = stop.run_until_stopped(listener.accept()).await {
        clients.spawn(serve(client?.0, prices.clone()));
        while clients.try_join_next().is_some() {}
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let service = arguments.next().unwrap_or_else(|| "127.0.0.1:8085".into()).parse()?;
    let metrics = arguments.next().unwrap_or_else(|| "127.0.0.1:9095".into()).parse()?;
    match arguments.next() {
        Some(url) => run(service, metrics, shared(&url)?).await,
        None => run(service, metrics, local()?).await,
    }
}

#[allow(clippy::print_stdout, reason = "whoever starts it needs the ports that it got")]
fn print_addresses(service: SocketAddr, metrics: SocketAddr) {
    println!("serving {service}\nmetrics {metrics}");
}
