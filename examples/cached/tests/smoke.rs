//! The example as a process: a herd is one rebuild.

#![allow(clippy::expect_used)] // A test that finds nothing has failed.

use example_smoke::{Example, FREE};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

fn answer(client: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    client.read_line(&mut line).expect("an answer");
    line.trim_end().to_owned()
}

#[test]
fn a_herd_is_one_rebuild() {
    let example = Example::start(env!("CARGO_BIN_EXE_example-cached"), &[FREE, FREE]);
    let mut clients: Vec<_> = (0..20).map(|_| BufReader::new(example.connect())).collect();
    for client in &mut clients {
        writeln!(client.get_mut(), "shoe").expect("it is sent");
    }
    for client in &mut clients {
        assert_eq!(answer(client), "4.50");
    }
    let prices = [("cache", "prices")];
    assert_eq!(example.sum("concurrency_rebuild_seconds_count", &prices), Some(1.0));
    let calls = |role| {
        example.sum("concurrency_rebuild_calls_total", &[("cache", "prices"), ("role", role)])
    };
    let hits =
        example.sum("concurrency_cache_lookups_total", &[("result", "hit")]).expect("a count");
    assert_eq!(calls("leader"), Some(1.0));
    assert_eq!(calls("follower").expect("a count") + hits, 19.0);
    assert!(example.stop().success(), "SIGTERM ends it well");
}
