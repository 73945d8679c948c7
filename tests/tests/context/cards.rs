//! Card authorisations in PostgreSQL: a card may be charged once, and who decides at once may charge it
//! twice.

use plimsoll_context::{Committed, ConflictKey, Decision, DecisionPoint, Guarded};
use plimsoll_tests::postgres::Postgres;
use std::time::Duration;
use tokio_postgres::{Client, Error};

const TABLES: &str = "
    CREATE TABLE card (id integer PRIMARY KEY, version bigint NOT NULL DEFAULT 0);
    CREATE TABLE approval (card integer NOT NULL, amount integer NOT NULL);
    CREATE INDEX ON approval (card);";

/// One card's limit is 100, and every authorisation is of 60: the first is all that it has room for.
const ROOM: &str = "SELECT coalesce(sum(amount), 0) + 60 <= 100 FROM approval WHERE card = $1";
const VERSION: &str = "SELECT version FROM card WHERE id = $1";
const APPROVE: &str = "
    WITH approved AS (INSERT INTO approval (card, amount) VALUES ($1, 60))
    UPDATE card SET version = version + 1 WHERE id = $1 RETURNING version";
const APPROVE_IF: &str = "
    WITH card AS (UPDATE card SET version = version + 1 WHERE id = $1 AND version = $2 RETURNING id)
    INSERT INTO approval (card, amount) SELECT id, 60 FROM card RETURNING card";
const EXCESS: &str = "
    SELECT coalesce(sum(approvals - 1), 0)::bigint
    FROM (SELECT count(*) AS approvals FROM approval GROUP BY card) AS of_card";

/// How a decision knows of others, and whether it stands back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum How {
    /// By the version that the card has in the store.
    Versions,
    /// By the stripes of the process.
    Stripes,
    /// By neither: it has declared no key, since the rows that it looks for aren't there yet.
    Phantom,
    /// It commits only if it overtakes nobody, by the stripes.
    Guarded,
    /// The same, by a comparison in the store alone, as between processes.
    Compared,
}

/// A connection on which decisions are taken.
pub(crate) struct Desk {
    client: Client,
}

/// A fresh database with cards `0..count`.
pub(crate) async fn cards(server: &Postgres, count: i32) -> Client {
    let client = server.connect().await;
    let drop = "DROP TABLE IF EXISTS card, approval";
    client.batch_execute(&format!("{drop};{TABLES}")).await.expect("tables");
    let fill = "INSERT INTO card (id) SELECT generate_series(0, $1)";
    client.execute(fill, &[&(count - 1)]).await.expect("cards");
    client
}

/// Approvals beyond the first of each card.
pub(crate) async fn excess(client: &Client) -> u64 {
    let row = client.query_one(EXCESS, &[]).await.expect("a sum");
    u64::try_from(row.get::<_, i64>(0)).expect("not negative")
}

pub(crate) fn key(card: i32) -> ConflictKey {
    ConflictKey::of(("card", card))
}

impl Desk {
    pub(crate) async fn open(server: &Postgres) -> Self {
        Self { client: server.connect().await }
    }

    /// Says whether the card has room for another authorisation.
    pub(crate) async fn has_room(&self, card: i32) -> bool {
        self.client.query_one(ROOM, &[&card]).await.expect("a row").get(0)
    }

    pub(crate) async fn version(&self, card: i32) -> u64 {
        let row = self.client.query_one(VERSION, &[&card]).await.expect("a card");
        u64::try_from(row.get::<_, i64>(0)).expect("not negative")
    }

    /// Approves, and returns the card's new version.
    pub(crate) async fn approve(&self, card: i32) -> Result<u64, Error> {
        let row = self.client.query_one(APPROVE, &[&card]).await?;
        Ok(u64::try_from(row.get::<_, i64>(0)).expect("not negative"))
    }

    /// Approves if the card still has that version.
    async fn approve_if(&self, card: i32, version: u64) -> Result<Option<()>, Error> {
        let version = i64::try_from(version).expect("small");
        Ok(self.client.query_opt(APPROVE_IF, &[&card, &version]).await?.map(|_| ()))
    }

    /// Takes one decision over a card. Returns what is known of it, if it was committed.
    pub(crate) async fn decide(
        &self,
        point: &DecisionPoint,
        card: i32,
        how: How,
        think: Duration,
    ) -> Option<Committed<()>> {
        let is_declared = !matches!(how, How::Phantom | How::Compared);
        let mut decision = point.begin(is_declared.then(|| key(card)));
        let version = self.version(card).await; // Before the data.
        if matches!(how, How::Versions | How::Compared) {
            decision.read_version(key(card), version);
        }
        if !self.has_room(card).await {
            decision.abort();
            return None;
        }
        tokio::time::sleep(think).await;
        self.commit(decision, card, (how, version)).await.expect("the store works")
    }

    async fn commit(
        &self,
        decision: Decision,
        card: i32,
        (how, version): (How, u64),
    ) -> Result<Option<Committed<()>>, Error> {
        let guarded = match how {
            How::Versions => {
                let store = async { self.approve(card).await.map(|version| ((), version)) };
                return decision.commit_versioned(store).await.map(Some);
            }
            How::Stripes | How::Phantom => {
                let store = async { self.approve(card).await.map(|_| ()) };
                return decision.commit(store).await.map(Some);
            }
            How::Guarded => {
                let store = async { self.approve(card).await.map(|_| Some(())) };
                decision.commit_guarded(store).await?
            }
            How::Compared => decision.commit_guarded(self.approve_if(card, version)).await?,
        };
        match guarded {
            Guarded::Committed(committed) => Ok(Some(committed)),
            Guarded::Refused => Ok(None),
        }
    }
}
