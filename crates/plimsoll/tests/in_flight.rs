//! `#[in_flight]`: each kind of function and each way to end.

#![allow(clippy::expect_used)] // A test that finds nothing has failed.

mod reading;

use plimsoll::{Outcome, Registry, in_flight, scope};
use reading::value;
use std::cell::Cell;
use std::future::{Future, pending};
use std::pin::{Pin, pin};
use std::task::{Context, Waker};

fn ended<const N: usize>(outcome: &str, labels: [(&str, &str); N]) -> Option<f64> {
    let mut all: Vec<(&str, &str)> = labels.to_vec();
    all.extend([("outcome", outcome), ("band", "1")]);
    let registry = Registry::global();
    let all: [(&str, &str); 3] = match all.try_into() {
        Ok(three) => three,
        Err(all) => {
            let four: [(&str, &str); 4] = all.try_into().expect("one or two labels");
            return value(registry, "concurrency_operations", four);
        }
    };
    value(registry, "concurrency_operations", all)
}

fn level(operation: &str) -> Option<f64> {
    value(Registry::global(), "concurrency_in_flight", [("operation", operation)])
}

#[in_flight(name = "parse")]
fn parse(text: &str) -> Result<i32, std::num::ParseIntError> {
    if text == "panic" {
        panic!("on purpose");
    }
    let number: i32 = text.parse()?;
    if number < 0 {
        return Ok(0);
    }
    Ok(number)
}

#[test]
fn a_function_is_ok_an_error_or_panicked() {
    assert_eq!(parse("4"), Ok(4));
    assert_eq!(parse("-4"), Ok(0));
    assert!(parse("four").is_err());
    assert!(std::panic::catch_unwind(|| parse("panic")).is_err());
    let counts = Outcome::NAMES.map(|outcome| ended(outcome, [("operation", "parse")]));
    assert_eq!(counts, [2.0, 1.0, 0.0, 0.0, 1.0].map(Some));
    assert_eq!(level("parse"), Some(0.0));
}

#[in_flight(name = "fetch", limit = 8)]
async fn fetch<T>(of: &T, hangs: bool) -> std::io::Result<T>
where
    T: Clone + Send,
{
    if hangs {
        pending::<()>().await;
    }
    let text = std::str::from_utf8(b"ok").map_err(std::io::Error::other)?;
    assert_eq!(text, "ok");
    Ok(of.clone())
}

#[tokio::test]
async fn an_async_function_counts_from_its_first_poll() {
    drop(fetch(&1, true));
    assert_eq!(level("fetch"), None, "nothing ran, so nothing is registered");
    {
        let mut hanging = pin!(fetch(&1, true));
        assert!(hanging.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        assert_eq!(level("fetch"), Some(1.0));
    }
    assert_eq!(level("fetch"), Some(0.0));
    assert_eq!(fetch(&"here", false).await.expect("it is"), "here");
    assert_eq!(ended("cancelled", [("operation", "fetch")]), Some(1.0));
    assert_eq!(ended("ok", [("operation", "fetch")]), Some(1.0));
    let limit = [("operation", "fetch")];
    assert_eq!(value(Registry::global(), "concurrency_in_flight_limit", limit), Some(8.0));
}

/// The future stays `Send`, as `tokio::spawn` asks.
#[test]
fn an_async_function_can_still_be_spawned() {
    fn is_send(_: impl Send) {}
    is_send(fetch(&1, true));
}

struct Till {
    region: String,
    taken: u32,
}

trait Pay {
    fn pay(&mut self, amount: u32) -> Result<u32, String>;
}

impl Till {
    #[in_flight(name = "take", labels(region = self.region, kind = if amount > 10 { "large" } else { "small" }))]
    async fn take(&mut self, mut amount: u32) -> u32 {
        amount += 1;
        self.taken += amount;
        self.taken
    }

    #[in_flight(name = "each")]
    fn each<'a>(&'a self, more: &'a [u32]) -> impl Iterator<Item = u32> + 'a {
        more.iter().map(|one| one + self.taken)
    }
}

impl Pay for Till {
    #[in_flight(name = "pay")]
    fn pay(&mut self, amount: u32) -> Result<u32, String> {
        self.taken = self.taken.checked_sub(amount).ok_or("not enough")?;
        Ok(self.taken)
    }
}

#[tokio::test]
async fn a_method_has_labels_of_its_arguments() {
    let mut till = Till { region: "eu".to_owned(), taken: 0 };
    assert_eq!(till.take(4).await, 5);
    assert_eq!(till.take(40).await, 46);
    assert_eq!(till.take(1).await, 48);
    assert_eq!(till.each(&[1, 2]).collect::<Vec<_>>(), [49, 50]);
    assert_eq!((till.pay(40), till.pay(40).is_err()), (Ok(8), true));
    let taken = |kind| {
        let labels = [
            ("operation", "take"),
            ("region", "eu"),
            ("kind", kind),
            ("outcome", "ok"),
            ("band", "1"),
        ];
        value(Registry::global(), "concurrency_operations", labels)
    };
    assert_eq!((taken("small"), taken("large")), (Some(2.0), Some(1.0)));
    assert_eq!(ended("error", [("operation", "pay")]), Some(1.0));
    assert_eq!(ended("ok", [("operation", "each")]), Some(1.0));
}

#[in_flight(name = "nothing")]
fn nothing(count: &Cell<u32>) {
    count.set(count.get() + 1);
    if count.get() > 1 {
        return;
    }
    count.set(count.get() + 10);
}

#[test]
fn a_function_that_returns_nothing_is_ok() {
    let count = Cell::new(0);
    nothing(&count);
    nothing(&count);
    assert_eq!(count.get(), 12);
    assert_eq!(ended("ok", [("operation", "nothing")]), Some(2.0));
}

#[test]
fn a_scope_counts_by_its_guard() {
    for _ in 0..2 {
        scope::in_flight!("reindex", limit = 3).finish(Outcome::Ok);
    }
    drop(scope::in_flight!("sweep"));
    plimsoll::backpressure!("reindex", reason = shed);
    assert_eq!(ended("ok", [("operation", "reindex")]), Some(2.0));
    assert_eq!(ended("cancelled", [("operation", "sweep")]), Some(1.0));
    let labels = [("source", "reindex"), ("reason", "shed")];
    assert_eq!(value(Registry::global(), "concurrency_backpressure", labels), Some(1.0));
}

/// A future that is boxed by hand is counted where it is made.
#[tokio::test]
async fn a_boxed_future_is_counted_by_hand() {
    use plimsoll::InFlight;
    let operation = plimsoll::Operation::named("boxed");
    let boxed: Pin<Box<dyn Future<Output = u8> + Send>> =
        Box::pin(async { 1 }.in_flight(&operation));
    assert_eq!(boxed.await, 1);
    assert_eq!(ended("ok", [("operation", "boxed")]), Some(1.0));
}
