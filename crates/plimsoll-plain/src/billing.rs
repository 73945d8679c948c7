//! Billing: a consumer of fulfilled orders, which makes an invoice of each.

use crate::faults::{Faults, STALLED_CONSUMER};
use crate::owner;
use crate::topic::{GROUP, Topic};
use anyhow::Context;
use redis::aio::MultiplexedConnection;
use redis::{RedisResult, Value, cmd};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const CONSUMER: &str = "billing-1";

/// Orders that are taken at a time.
const TAKEN_MAX: usize = 100;

/// How long Redis holds a request for new orders: less than what an answer may take.
const ASKED_FOR: Duration = Duration::from_millis(200);

/// Between one attempt and the next.
const TRIED_EVERY: Duration = Duration::from_millis(50);

/// What billing knows of itself.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Billed {
    /// Orders that it has made an invoice of.
    pub invoices: u64,
}

/// Reads the stream until the owner is gone, then deletes it. The first line on standard output says that
/// the group is there; each `tell` on standard input is answered with a line of [`Billed`] as JSON.
///
/// # Errors
/// Redis can't be reached, or there is no thread to be had.
pub fn billing(topic: Topic) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run(topic))
}

async fn run(topic: Topic) -> anyhow::Result<()> {
    let (faults, invoices) = (Faults::default(), Arc::<AtomicU64>::default());
    let counted = invoices.clone();
    let tell = move || Billed { invoices: counted.load(Ordering::Relaxed) };
    let gone = owner::obey(faults.clone(), tell)?;
    let mut connection = topic.connect().await.context("no Redis answers where --redis says")?;
    make_group(&mut connection, &topic.key).await.context("Redis makes no consumer group")?;
    owner::greet("ready")?;
    tokio::select! {
        () = consume(&topic, connection, &faults, &invoices) => {}
        _ = gone => {}
    }
    // A reader that waits on the other connection doesn't hold this one up.
    let mut connection = topic.connect().await?;
    cmd("DEL").arg(&topic.key).query_async::<()>(&mut connection).await?;
    Ok(())
}

async fn make_group(connection: &mut MultiplexedConnection, key: &str) -> RedisResult<()> {
    let mut make = cmd("XGROUP");
    make.arg("CREATE").arg(key).arg(GROUP).arg("0").arg("MKSTREAM");
    match make.query_async::<()>(connection).await {
        Err(error) if error.code() != Some("BUSYGROUP") => Err(error),
        _ => Ok(()),
    }
}

/// Takes orders for ever.
async fn consume(
    topic: &Topic,
    mut connection: MultiplexedConnection,
    faults: &Faults,
    invoices: &AtomicU64,
) {
    loop {
        match bill(topic, &mut connection, faults).await {
            Ok(Outcome::Billed(count)) => drop(invoices.fetch_add(count, Ordering::Relaxed)),
            Ok(Outcome::Refused) => tokio::time::sleep(TRIED_EVERY).await,
            Err(error) => {
                tracing::warn!(%error, "billing can't read its orders");
                tokio::time::sleep(ASKED_FOR).await;
                if let Ok(new) = topic.connect().await {
                    connection = new;
                    // A server that came back empty has no group.
                    let _ = make_group(&mut connection, &topic.key).await;
                }
            }
        }
    }
}

enum Outcome {
    Billed(u64),
    /// The tax office refuses: what was taken stays to be done.
    Refused,
}

/// Bills what it has taken and not finished; if there is none, what is new.
async fn bill(
    topic: &Topic,
    connection: &mut MultiplexedConnection,
    faults: &Faults,
) -> RedisResult<Outcome> {
    let mut orders = take(topic, connection, "0").await?;
    if orders.is_empty() {
        orders = take(topic, connection, ">").await?;
    }
    if orders.is_empty() {
        return Ok(Outcome::Billed(0));
    }
    if faults.is_on(STALLED_CONSUMER) {
        return Ok(Outcome::Refused);
    }
    let mut done = cmd("XACK");
    done.arg(&topic.key).arg(GROUP).arg(&orders);
    done.query_async(connection).await.map(Outcome::Billed)
}

/// Returns the ids of orders: of new ones after `>`, of its own unfinished ones after `0`.
async fn take(
    topic: &Topic,
    connection: &mut MultiplexedConnection,
    after: &str,
) -> RedisResult<Vec<String>> {
    let mut read = cmd("XREADGROUP");
    read.arg("GROUP").arg(GROUP).arg(CONSUMER).arg("COUNT").arg(TAKEN_MAX);
    if after == ">" {
        read.arg("BLOCK").arg(ASKED_FOR.as_millis() as u64);
    }
    read.arg("STREAMS").arg(&topic.key).arg(after);
    // Each stream by its key; each of its entries by its id.
    type Read = Vec<(String, Vec<(String, Value)>)>;
    let read: Option<Read> = read.query_async(connection).await?;
    let entries = read.unwrap_or_default().into_iter().flat_map(|(_, entries)| entries);
    Ok(entries.map(|(id, _)| id).collect())
}
