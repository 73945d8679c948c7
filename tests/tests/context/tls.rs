//! Probers over TLS: a server is trusted by whom it was signed, and not asked otherwise.

use plimsoll_prober::{PostgresTable, ProberSpec, RedisKey, Server, Trouble};
use plimsoll_record::Registry;
use plimsoll_tests::authority::Identity;
use plimsoll_tests::postgres::Postgres;
use plimsoll_tests::redis::Redis;
use plimsoll_tests::{free_port, scratch, wait};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_prober_trusts_whom_it_is_told_to_and_nobody_else() {
    let (postgres, redis) = (Postgres::start().await, Redis::start().await);
    let (identity, stranger) = (Identity::self_signed(), Identity::self_signed());
    let (folder, tls_port) = (scratch(), free_port());
    postgres.secure(&identity).await;
    redis.secure(tls_port, &identity.write(folder.path())).await;
    let client = postgres.connect().await;
    let table = "CREATE TABLE plimsoll_heartbeat (name text PRIMARY KEY, marker text NOT NULL)";
    client.batch_execute(table).await.expect("a table");
    let url = postgres.url.replace("sslmode=disable", "application_name=prober");
    let pem = |identity: &Identity| {
        let pem = identity.certificate().as_bytes().to_vec();
        move || Ok(pem.clone())
    };
    let trusted = || Server::new(&*url).roots(pem(&identity));
    let mistaken = || Server::new(&*url).roots(pem(&stranger));
    let at = |server| PostgresTable::new(server, "plimsoll_heartbeat", "orders").expect("a table");
    let cache = format!("rediss://127.0.0.1:{tls_port}");
    let key = |identity: &Identity| {
        RedisKey::new(Server::new(&*cache).roots(pem(identity)), "absent").expect("a key")
    };
    let prober = ProberSpec::new("origin", at(trusted()), 5)
        .store("table", at(trusted()))
        .store("mistaken", at(mistaken()))
        .store("cache", key(&identity))
        .store("strange cache", key(&stranger))
        .interval(Duration::from_millis(50))
        .build_in(&Registry::new())
        .expect("builds");
    let troubles = prober.troubles();
    tokio::spawn(prober.run(std::future::pending()));
    let told = wait::until("three words", PATIENCE, || async {
        Some(troubles.now()).filter(|told| told.len() == 3)
    })
    .await;
    let said = |store: &str| {
        let of_it = told.iter().find(|Trouble { store: of, .. }| of == store);
        of_it.map(|of_it| of_it.reason.as_str()).unwrap_or_default()
    };
    // It is asked, and what it shows is nothing yet.
    assert!(said("cache").starts_with("no marker was ever seen there"), "{told:?}");
    for store in ["mistaken", "strange cache"] {
        assert!(said(store).contains("invalid peer certificate"), "{told:?}");
    }
    let query = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                 WHERE application_name = 'prober'";
    let row = client.query_one(query, &[]).await.expect("a row");
    assert_eq!(row.get::<_, Option<bool>>(0), Some(true), "both connections are over TLS");
}
