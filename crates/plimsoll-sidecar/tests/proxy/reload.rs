//! Another configuration while requests are under way.

use crate::rig::{LATE, Rig, operations};

const GET: &str = "GET / HTTP/1.1\r\nhost: shop\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
const HOST: &str = r#"concurrency_collector_up{collector="host"}"#;
const LIMIT: &str = r#"concurrency_limiter_limit{limiter="shop"}"#;

#[tokio::test]
async fn who_is_planned_as_it_runs_goes_on_undisturbed_and_others_come_and_go() {
    let mut rig = Rig::start("http", "").await;
    let mut client = rig.client().await;
    client.send(GET).await;
    let mut target = rig.target().await;
    target.head().await;
    rig.in_flight(1.0).await;
    rig.reload("", "host: [{interval: 20ms}]\n").expect("taken");
    rig.until(HOST, 1.0).await;
    rig.reload("", "").expect("taken");
    let seen = rig.series().await;
    assert!(seen.keys().all(|name| !name.contains("host")), "it left something: {seen:#?}");
    assert_eq!(seen["plimsoll_config_last_reload_successful"], 1.0);
    rig.in_flight(1.0).await;
    target.send(OK).await;
    client.head().await;
    // The same connection, and the same counter.
    client.send(GET).await;
    let mut target = rig.again(target).await;
    target.send(OK).await;
    client.head().await;
    rig.ended("ok", 2.0).await;
}

#[tokio::test]
async fn who_is_planned_otherwise_ends_what_it_has_and_the_new_one_takes_its_socket() {
    let mut rig = Rig::start("http", "limit: 7").await;
    let (mut client, mut idle) = (rig.client().await, rig.client().await);
    for peer in [&mut client, &mut idle] {
        peer.send(GET).await;
    }
    let (mut first, mut second) = (rig.target().await, rig.target().await);
    for target in [&mut first, &mut second] {
        target.head().await;
    }
    first.send(OK).await;
    let mut busy = tokio::select! {
        _ = client.head() => idle,
        _ = idle.head() => client,
    };
    rig.ended("ok", 1.0).await;
    rig.reload("limit: 9", "").expect("taken");
    let seen = rig.until(LIMIT, 9.0).await;
    // The new one counts from 0, and the old one's request isn't in flight in it.
    assert_eq!(seen[&operations("ok", 1)], 0.0);
    let mut new = rig.client().await;
    new.send(GET).await;
    let mut third = rig.target().await;
    third.head().await;
    rig.in_flight(1.0).await;
    for target in [&mut second, &mut third] {
        target.send(OK).await;
    }
    assert!(busy.rest().await.contains("\r\nconnection: close\r\n"), "the old one drains");
    new.head().await;
    rig.ended("ok", 1.0).await;
}

#[tokio::test]
async fn a_configuration_that_is_refused_changes_nothing_and_says_why() {
    let mut rig = Rig::start("http", "limit: 7").await;
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let taken = taken.local_addr().unwrap();
    let proxy = rig.proxy;
    let refusals = [
        ("limit: 0".to_owned(), String::new(), "the configuration has 1 fault"),
        ("limit: 9".to_owned(), "hots: []\n".to_owned(), "hots"),
        ("limit: 9".to_owned(), "proc_root: /nowhere\n".to_owned(), "only a restart"),
        (
            format!("limit: 9}}, {{listen: '{taken}', target: '127.0.0.1:1'"),
            String::new(),
            "can't listen on",
        ),
        (
            format!("limit: 9}}, {{listen: '{proxy}', target: '127.0.0.1:1'"),
            String::new(),
            "shop listens on",
        ),
    ];
    for (keys, more, why) in refusals {
        rig.reload(&keys, &format!("{more}host: [{{interval: 20ms}}]\n")).expect_err(why);
        let page = rig.admin("/").await.replace("&#39;", "'");
        assert!(
            page.contains("the old configuration stays") && page.contains(why),
            "{why}: {page}"
        );
        let seen = rig.series().await;
        assert_eq!((seen[LIMIT], seen.get(HOST)), (7.0, None), "{why}");
        assert_eq!(seen["plimsoll_config_last_reload_successful"], 0.0);
    }
    let mut client = rig.client().await;
    client.send(GET).await;
    let mut target = rig.target().await;
    target.head().await;
    target.send(OK).await;
    client.head().await;
    rig.ended("ok", 1.0).await;
    rig.reload("limit: 7", "").expect("taken");
    assert!(!rig.admin("/").await.contains("was refused"));
}

#[tokio::test]
async fn a_proxy_that_is_gone_takes_its_series_and_listens_no_more() {
    let mut rig = Rig::start("http", "limit: 7").await;
    rig.until(LIMIT, 7.0).await;
    let text = "listen: 127.0.0.1:0\nhost: [{interval: 20ms}]\n";
    let config = plimsoll_sidecar::Config::parse("sidecar.yml", text).expect("a good file");
    rig.bound.reload(Ok(config)).expect("taken");
    // It ends in its own time.
    let gone = async {
        while rig.series().await.keys().any(|name| name.contains("shop")) {}
        while tokio::net::TcpStream::connect(rig.proxy).await.is_ok() {}
    };
    tokio::time::timeout(LATE, gone).await.expect("nothing is left");
}
