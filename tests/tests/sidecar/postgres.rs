//! PostgreSQL, whose transactions the test holds open itself.

use crate::{PATIENCE, Watcher};
use plimsoll_tests::postgres::Postgres;
use plimsoll_tests::wait;
use tokio_postgres::{Client, SimpleQueryMessage};

pub(crate) fn file(label: &str, url: &str) -> String {
    format!("- {{label: {label}, url: {url:?}, interval: 500ms, deadline: 500ms}}\n")
}

pub(crate) async fn run(client: &Client, sql: &str) {
    client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
}

pub(crate) async fn number(client: &Client, sql: &str) -> f64 {
    let messages = client.simple_query(sql).await.expect("a row");
    let row = messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    row.expect("a value").parse().expect("a number")
}

/// How long a transaction has been open, as it says itself.
async fn age_s(client: &Client) -> f64 {
    number(client, "SELECT extract(epoch FROM clock_timestamp() - now())").await
}

/// Names the series of the sessions at the root of what others wait for.
fn roots(state: &str) -> String {
    format!("concurrency_postgres_root_blockers{{server=\"db\",state={state:?}}}")
}

/// Names the series of sessions.
fn sessions(state: &str, wait: &str) -> String {
    format!("concurrency_postgres_sessions{{server=\"db\",state={state:?},wait={wait:?}}}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_of_three_has_one_root_whose_age_the_server_knows() {
    let server = Postgres::start().await;
    let (first, second, third) =
        (server.connect().await, server.connect().await, server.connect().await);
    run(&first, "CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES (1,0),(2,0)")
        .await;
    let watch = Watcher::start(&format!("postgres:\n{}", file("db", &server.url)));
    let calm = watch.until_up("db", true).await;
    assert_eq!(calm[r#"concurrency_lock_waiters{lock="db"}"#], 0.0);
    assert_eq!(calm[r#"concurrency_postgres_root_blocker_age_seconds{server="db"}"#], 0.0);

    run(&first, "BEGIN; UPDATE t SET v = 1 WHERE id = 1").await;
    run(&second, "BEGIN; UPDATE t SET v = 2 WHERE id = 2").await;
    let before_s = age_s(&first).await;
    let blocked = tokio::spawn(async move {
        run(&second, "UPDATE t SET v = 2 WHERE id = 1").await;
        second
    });
    let behind = tokio::spawn(async move { run(&third, "UPDATE t SET v = 3 WHERE id = 2").await });
    let waiters = r#"concurrency_postgres_root_blocker_waiters{server="db"}"#;
    let chain = watch.until("the chain of three", |seen| seen.value(waiters) == Some(2.0)).await;
    let after_s = age_s(&first).await;
    let root_s = chain[r#"concurrency_postgres_root_blocker_age_seconds{server="db"}"#];
    assert!((before_s..=after_s).contains(&root_s), "{before_s} {root_s} {after_s}");
    assert_eq!(chain[r#"concurrency_lock_waiters{lock="db"}"#], 2.0);
    let waited_s = chain[r#"concurrency_lock_waiters_oldest_age_seconds{lock="db"}"#];
    assert!(waited_s > 0.0 && waited_s < after_s, "{waited_s} {after_s}");
    assert_eq!(chain[&*roots("idle_in_transaction")], 1.0);
    assert_eq!(chain[&*roots("active")], 0.0);
    assert_eq!(chain[&*sessions("active", "lock")], 2.0);
    assert_eq!(chain[&*sessions("idle_in_transaction", "client")], 1.0);

    run(&first, "COMMIT").await;
    let second = blocked.await.expect("it got its lock");
    let shorter = watch.until("a chain of two", |seen| seen.value(waiters) == Some(1.0)).await;
    assert_eq!(shorter[&*roots("idle_in_transaction")], 1.0);
    run(&second, "COMMIT").await;
    behind.await.expect("it got its lock");
    let calm = watch.until("nobody to wait", |seen| seen.value(waiters) == Some(0.0)).await;
    assert_eq!(calm[r#"concurrency_postgres_root_blocker_age_seconds{server="db"}"#], 0.0);
    assert_eq!(calm[&*sessions("active", "lock")], 0.0);
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'";
    // Who has gone ends when its server process has.
    let now = wait::until("no session to end meanwhile", PATIENCE, || async {
        let before = number(&first, sql).await;
        let now = watch.next_round("db").await;
        let is_steady = number(&first, sql).await == before;
        is_steady.then(|| {
            assert_eq!(now[r#"concurrency_pool_in_use{pool="db"}"#], before);
            now
        })
    })
    .await;
    let sql = "SELECT current_setting('max_connections')::int \
               - current_setting('superuser_reserved_connections')::int";
    assert_eq!(now[r#"concurrency_pool_in_use_limit{pool="db"}"#], number(&first, sql).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadlock_and_a_transaction_that_nobody_finished_are_seen() {
    let server = Postgres::start().await;
    let (one, other) = (server.connect().await, server.connect().await);
    run(&one, "CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES (1,0),(2,0)").await;
    let watch = Watcher::start(&format!("postgres:\n{}", file("db", &server.url)));
    let deadlocks = r#"concurrency_postgres_deadlocks_total{server="db"}"#;
    assert_eq!(watch.until_up("db", true).await[deadlocks], 0.0);
    run(&one, "BEGIN; UPDATE t SET v = 1 WHERE id = 1").await;
    run(&other, "BEGIN; UPDATE t SET v = 1 WHERE id = 2").await;
    let (one_ends, other_ends) = tokio::join!(
        one.batch_execute("UPDATE t SET v = 1 WHERE id = 2"),
        other.batch_execute("UPDATE t SET v = 1 WHERE id = 1"),
    );
    assert!(one_ends.is_err() != other_ends.is_err(), "the server breaks one of them");
    // A session's statistics are told when it ends, at the latest.
    drop((one, other));
    watch.until("the deadlock", |seen| seen.value(deadlocks) == Some(1.0)).await;

    let holder = server.connect().await;
    let oldest = r#"concurrency_postgres_oldest_transaction_seconds{server="db"}"#;
    run(&holder, "BEGIN").await;
    let before_s = age_s(&holder).await;
    let seen = watch.next_round("db").await;
    let after_s = age_s(&holder).await;
    assert!((before_s..=after_s).contains(&seen[oldest]), "{before_s} {} {after_s}", seen[oldest]);
    run(&holder, "COMMIT").await;
    watch.until("no open transaction", |seen| seen.value(oldest) == Some(0.0)).await;
    // A prepared transaction outlives its session, holds its locks, and ages.
    run(&holder, "BEGIN; UPDATE t SET v = 9 WHERE id = 1; PREPARE TRANSACTION 'forgotten'").await;
    let waiter = server.connect().await;
    drop(holder);
    let waits = tokio::spawn(async move { run(&waiter, "UPDATE t SET v = 8 WHERE id = 1").await });
    let prepared = r#"concurrency_postgres_root_blockers{server="db",state="prepared"}"#;
    watch.until("a prepared root", |seen| seen.value(prepared) == Some(1.0)).await;
    let admin = server.connect().await;
    let age = "SELECT extract(epoch FROM clock_timestamp() - prepared) FROM pg_prepared_xacts";
    let before_s = number(&admin, age).await;
    let seen = watch.next_round("db").await;
    let after_s = number(&admin, age).await;
    let root = r#"concurrency_postgres_root_blocker_age_seconds{server="db"}"#;
    for name in [oldest, root] {
        assert!((before_s..=after_s).contains(&seen[name]), "{name} {before_s} {}", seen[name]);
    }
    run(&admin, "COMMIT PREPARED 'forgotten'").await;
    waits.await.expect("it got its lock");
    watch.until("no open transaction", |seen| seen.value(oldest) == Some(0.0)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_is_where_the_server_turns_others_away() {
    let server = Postgres::start().await;
    let admin = server.connect().await;
    run(&admin, "CREATE ROLE app LOGIN; CREATE ROLE watcher LOGIN; GRANT pg_monitor TO watcher")
        .await;
    let at =
        |user: &str| server.url.replace("postgres://postgres@", &format!("postgres://{user}@"));
    let watch = Watcher::start(&format!("postgres:\n{}", file("db", &at("watcher"))));
    watch.until_up("db", true).await;
    let (mut open, app) = (Vec::new(), at("app"));
    let refused = loop {
        match tokio_postgres::connect(&app, tokio_postgres::NoTls).await {
            Ok((client, connection)) => open.push((client, tokio::spawn(connection))),
            Err(error) => break error,
        }
    };
    assert!(format!("{refused:?}").contains("superuser"), "the rest is reserved: {refused:?}");
    let seen = watch.next_round("db").await;
    let in_use = seen[r#"concurrency_pool_in_use{pool="db"}"#];
    assert_eq!(in_use, open.len() as f64 + 2.0, "the admin and the sidecar as well");
    assert_eq!(in_use, seen[r#"concurrency_pool_in_use_limit{pool="db"}"#]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_loses_its_grant_says_so_and_the_others_go_on() {
    let server = Postgres::start().await;
    let admin = server.connect().await;
    run(&admin, "CREATE ROLE watcher LOGIN PASSWORD 'hush'; GRANT pg_monitor TO watcher").await;
    run(&admin, "CREATE ROLE locked LOGIN PASSWORD 'right'").await;
    // The first line that fits decides: this role has to show its password.
    let hba = "DO $$ DECLARE file text := current_setting('hba_file'); \
        lines text[] := ARRAY['host all locked all scram-sha-256'] \
            || string_to_array(pg_read_file(file), chr(10)); \
        BEGIN EXECUTE format('COPY (SELECT unnest(%L::text[])) TO %L', lines, file); END $$";
    run(&admin, hba).await;
    run(&admin, "SELECT pg_reload_conf()").await;
    let at =
        |user: &str| server.url.replace("postgres://postgres@", &format!("postgres://{user}@"));
    let watch = Watcher::start(&format!(
        "postgres:\n{}{}{}{}",
        file("watcher", &at("watcher")),
        file("locked", &at("locked")).replace("interval", "password: wrong, interval"),
        file("db", &server.url),
        file("tls", &server.url.replace("sslmode=disable", "sslmode=require")),
    ));
    watch.until_up("watcher", true).await;
    watch.until_up("db", true).await;
    watch.until_up("locked", false).await;
    watch.until_up("tls", false).await;
    // A look that passed its deadline has another reason, until the next.
    let refused = "password authentication failed for user &quot;locked&quot;";
    let page = watch.until_page(&[refused, "server does not support TLS"]).await;
    assert!(!page.contains("wrong") && !page.contains("hush"), "{page}");

    run(&admin, "REVOKE pg_monitor FROM watcher").await;
    watch.until_page(&["GRANT pg_monitor TO watcher"]).await;
    let sessions = |server| {
        format!("concurrency_postgres_sessions{{server={server:?},state=\"idle\",wait=\"client\"}}")
    };
    let seen = watch.next_round("db").await;
    assert_eq!(seen.value(&sessions("watcher")), None, "half a picture is none");
    assert!(seen.value(&sessions("db")).is_some());
    run(&admin, "GRANT pg_monitor TO watcher").await;
    watch.until_up("watcher", true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_cut_costs_no_round() {
    let server = Postgres::start().await;
    let admin = server.connect().await;
    let patient = file("db", &server.url).replace("500ms", "2s");
    let watch = Watcher::start(&format!("postgres:\n{patient}"));
    let failed = r#"concurrency_collector_rounds_total{collector="db",result="failed"}"#;
    let before = watch.until_up("db", true).await[failed];
    let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
               WHERE application_name = 'plimsoll'";
    assert_eq!(number(&admin, cut).await, 1.0);
    let seen = watch.next_round("db").await;
    assert_eq!(seen[failed], before);
    let again = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'plimsoll'";
    assert_eq!(number(&admin, again).await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_server_says_so_and_shows_itself_through_the_reserve() {
    let mut server = Postgres::start().await;
    let admin = server.connect().await;
    run(&admin, "CREATE ROLE app LOGIN; CREATE ROLE watcher LOGIN; GRANT pg_monitor TO watcher")
        .await;
    let at =
        |user: &str| server.url.replace("postgres://postgres@", &format!("postgres://{user}@"));
    let (mut open, app) = (Vec::new(), at("app"));
    while let Ok((client, connection)) = tokio_postgres::connect(&app, tokio_postgres::NoTls).await
    {
        open.push((client, tokio::spawn(connection)));
    }
    let collectors = [file("full", &at("watcher")), file("reserve", &server.url)].concat();
    let watch = Watcher::start(&format!("postgres:\n{collectors}"));
    watch.until_up("full", false).await;
    watch.until_page(&["remaining connection slots are reserved"]).await;
    let seen = watch.until_up("reserve", true).await;
    let in_use = seen[r#"concurrency_pool_in_use{pool="reserve"}"#];
    let limit = seen[r#"concurrency_pool_in_use_limit{pool="reserve"}"#];
    assert_eq!(in_use, open.len() as f64 + 2.0, "the admin and the sidecar as well");
    assert!(in_use > limit, "the reserve isn't for others: {in_use} {limit}");
    assert_eq!(seen.value(r#"concurrency_pool_in_use{pool="full"}"#), None);
    drop(open);
    watch.until_up("full", true).await;
    // It is gone for a while, and comes back with what it has stored.
    server.quit().await;
    watch.until_up("full", false).await;
    let gone = watch.until_up("reserve", false).await;
    assert_eq!(gone.value(r#"concurrency_pool_in_use{pool="reserve"}"#), None);
    server.restart().await;
    watch.until_up("full", true).await;
    watch.until_up("reserve", true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalog_that_is_locked_holds_nobody_up_for_long() {
    let server = Postgres::start().await;
    let (admin, other) = (server.connect().await, server.connect().await);
    let patient = file("db", &server.url).replace("500ms", "2s");
    let watch = Watcher::start(&format!("postgres:\n{patient}host: [{{interval: 500ms}}]\n"));
    watch.until_up("db", true).await;
    // Whoever looks at sessions reads the names of their roles.
    run(&admin, "BEGIN; LOCK TABLE pg_authid IN ACCESS EXCLUSIVE MODE").await;
    watch.until_up("db", false).await;
    let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted";
    watch.until_page(&["1 of 2 collectors are up"]).await;
    let count = number(&other, waiting).await;
    assert!(count <= 2.0, "its looks don't pile up: {count}");
    run(&admin, "COMMIT").await;
    watch.until_up("db", true).await;
}
