//! `#[in_flight]` on what isn't a plain function: futures that are returned, borrowed results, traits,
//! and places where a call comes back to itself.

#![allow(clippy::expect_used)] // A test that finds nothing has failed.

mod reading;

use futures_util::stream::{Stream, StreamExt};
use plimsoll::{Registry, in_flight};
use reading::value;
use std::cell::Cell;
use std::future::{Future, pending};
use std::pin::{Pin, pin};
use std::task::{Context, Waker};

fn ended(operation: &str, outcome: &str) -> Option<f64> {
    let labels = [("operation", operation), ("outcome", outcome), ("band", "1")];
    value(Registry::global(), "concurrency_operations", labels)
}

fn level(operation: &str) -> Option<f64> {
    value(Registry::global(), "concurrency_in_flight", [("operation", operation)])
}

#[in_flight(name = "later")]
fn later<'a>(of: &'a str, ends: bool) -> impl Future<Output = Result<usize, String>> + Send + 'a {
    let length = of.len();
    async move {
        if !ends {
            pending::<()>().await;
        }
        of.parse::<usize>().map(|number| number + length).map_err(|fault| fault.to_string())
    }
}

#[tokio::test]
async fn a_returned_future_is_in_flight_from_its_first_poll_until_it_ends() {
    let unpolled = later("1", true);
    assert_eq!(level("later"), Some(0.0), "nothing of the future has run");
    drop(unpolled);
    assert_eq!(ended("later", "cancelled"), Some(0.0));
    {
        let mut hanging = pin!(later("1", false));
        assert!(hanging.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        assert_eq!(level("later"), Some(1.0));
    }
    assert_eq!((later("40", true).await, later("x", true).await.is_err()), (Ok(42), true));
    let counts = ["ok", "error", "cancelled"].map(|outcome| ended("later", outcome));
    assert_eq!((counts, level("later")), ([1.0; 3].map(Some), Some(0.0)));
}

type Reply<'a, T> = Pin<Box<dyn Future<Output = Result<T, String>> + Send + 'a>>;

struct Shop {
    till: u32,
    region: &'static str,
}

impl Shop {
    /// More than one statement: the future that is returned is wrapped, whichever it is.
    #[in_flight(name = "boxed", labels(region = self.region))]
    fn boxed(&mut self, amount: u32) -> Pin<Box<dyn Future<Output = Result<u32, String>> + '_>> {
        if amount == 0 {
            return Box::pin(std::future::ready(Err("nothing".to_owned())));
        }
        Box::pin(async move {
            self.till += amount;
            Ok(self.till)
        })
    }

    #[in_flight(name = "pinned")]
    fn pinned(&self) -> Pin<Box<dyn Future<Output = Option<u32>> + Send + '_>> {
        Box::pin(async {
            let till = self.till.checked_sub(1)?;
            Some(till)
        })
    }

    #[in_flight(name = "borrowed")]
    fn till(&mut self) -> &mut u32 {
        &mut self.till
    }
}

#[tokio::test]
async fn a_boxed_future_ends_as_its_result_says() {
    let mut shop = Shop { till: 1, region: "eu" };
    assert_eq!(shop.boxed(4).await, Ok(5));
    assert!(shop.boxed(0).await.is_err());
    assert_eq!(shop.pinned().await, Some(4));
    *shop.till() = 0;
    assert_eq!(shop.pinned().await, None);
    let boxed = |outcome| {
        let labels =
            [("operation", "boxed"), ("region", "eu"), ("outcome", outcome), ("band", "1")];
        value(Registry::global(), "concurrency_operations", labels)
    };
    assert_eq!((boxed("ok"), boxed("error")), (Some(1.0), Some(1.0)));
    assert_eq!(ended("pinned", "ok"), Some(2.0));
    assert_eq!(ended("borrowed", "ok"), Some(1.0));
}

#[async_trait::async_trait]
trait Pay {
    async fn pay(&mut self, amount: u32) -> Result<u32, String>;

    #[in_flight(name = "refund")]
    async fn refund(&mut self) -> Result<u32, String> {
        self.pay(1).await?;
        Err("no refund".to_owned())
    }
}

#[async_trait::async_trait]
impl Pay for Shop {
    #[in_flight(name = "charge", labels(region = self.region))]
    async fn pay(&mut self, amount: u32) -> Result<u32, String> {
        tokio::task::yield_now().await;
        self.till = self.till.checked_sub(amount).ok_or("not enough")?;
        Ok(self.till)
    }
}

trait Quote {
    fn quote(&self, amount: u32) -> impl Future<Output = Result<u32, String>> + Send;
    fn replied(&self) -> Reply<'_, u32>;
}

impl Quote for Shop {
    #[in_flight(name = "quote")]
    fn quote(&self, amount: u32) -> impl Future<Output = Result<u32, String>> + Send {
        async move { self.till.checked_mul(amount).ok_or_else(|| "too much".to_owned()) }
    }

    /// An alias hides that a future is returned: what is counted is the making of it.
    #[in_flight(name = "replied")]
    fn replied(&self) -> Reply<'_, u32> {
        Box::pin(async { Err("never polled".to_owned()) })
    }
}

#[tokio::test]
async fn a_trait_is_measured_by_its_macro_and_by_its_own_futures() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    let mut shop = Shop { till: 5, region: "us" };
    assert_eq!(is_send(shop.pay(2)).await, Ok(3));
    assert!(shop.pay(9).await.is_err());
    assert!(shop.refund().await.is_err());
    assert_eq!(is_send(shop.quote(2)).await, Ok(4));
    drop(shop.replied());
    let charge = |outcome| {
        let labels =
            [("operation", "charge"), ("region", "us"), ("outcome", outcome), ("band", "1")];
        value(Registry::global(), "concurrency_operations", labels)
    };
    assert_eq!((charge("ok"), charge("error")), (Some(2.0), Some(1.0)));
    assert_eq!((ended("refund", "error"), ended("quote", "ok")), (Some(1.0), Some(1.0)));
    assert_eq!(ended("replied", "ok"), Some(1.0));
}

thread_local! {
    static READ: Cell<u32> = const { Cell::new(0) };
}

fn region() -> &'static str {
    READ.set(READ.get() + 1);
    if READ.get().is_multiple_of(2) { "even" } else { "odd" }
}

#[in_flight(name = "once", limit = 2, labels(region = region()))]
fn once() {}

#[in_flight(name = "other", labels(mode = "fast", reason = "test", contended = "no"))]
fn other() {}

#[test]
fn a_label_of_other_signals_is_kept() {
    other();
    let labels =
        [("operation", "other"), ("mode", "fast"), ("reason", "test"), ("contended", "no")];
    assert_eq!(value(Registry::global(), "concurrency_in_flight_peak", labels), Some(1.0));
}

#[test]
fn a_label_is_read_once_a_call() {
    (0..5).for_each(|_| once());
    assert_eq!(READ.get(), 5);
    let ended = |region| {
        let labels = [("operation", "once"), ("region", region), ("outcome", "ok"), ("band", "1")];
        value(Registry::global(), "concurrency_operations", labels)
    };
    assert_eq!((ended("odd"), ended("even")), (Some(3.0), Some(2.0)));
}

thread_local! {
    static IS_INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Reads a limit by a call of what it limits.
fn limit(of: fn()) -> u64 {
    if !IS_INSIDE.replace(true) {
        of();
        IS_INSIDE.set(false);
    }
    7
}

#[in_flight(name = "plain", limit = limit(plain))]
fn plain() {}

#[in_flight(name = "labelled", limit = limit(labelled), labels(region = "eu"))]
fn labelled() {}

#[test]
fn a_limit_may_be_read_from_what_it_limits() {
    plain();
    labelled();
    assert_eq!(ended("plain", "ok"), Some(2.0));
    let labels = [("operation", "labelled"), ("region", "eu")];
    assert_eq!(value(Registry::global(), "concurrency_in_flight_limit", labels), Some(7.0));
}

struct Last;

impl Drop for Last {
    fn drop(&mut self) {
        torn_down();
    }
}

#[in_flight(name = "torn_down", labels(region = "eu"))]
fn torn_down() {}

#[test]
fn a_thread_that_is_torn_down_still_counts() {
    thread_local! {
        static LAST: Last = const { Last };
    }
    let thread = std::thread::spawn(|| {
        LAST.with(|_| ());
        torn_down();
    });
    assert!(thread.join().is_ok());
    let labels = [("operation", "torn_down"), ("region", "eu"), ("outcome", "ok"), ("band", "1")];
    assert_eq!(value(Registry::global(), "concurrency_operations", labels), Some(2.0));
}

#[in_flight(name = "items")]
fn items(count: u32, fails: bool) -> impl Stream<Item = Result<u32, String>> {
    futures_util::stream::iter(
        (0..count).map(move |n| if fails { Err("no".to_owned()) } else { Ok(n) }),
    )
}

impl Shop {
    #[in_flight(name = "receipts", labels(region = self.region))]
    fn receipts(&self) -> Pin<Box<dyn Stream<Item = u32> + Send + '_>> {
        if self.till == 0 {
            return Box::pin(futures_util::stream::empty());
        }
        Box::pin(futures_util::stream::iter(0..self.till))
    }
}

#[tokio::test]
async fn a_returned_stream_is_in_flight_until_its_last_item() {
    {
        let mut half = pin!(items(2, false));
        assert_eq!((half.next().await, level("items")), (Some(Ok(0)), Some(1.0)));
    }
    assert_eq!(level("items"), Some(0.0));
    assert_eq!(items(3, false).count().await, 3);
    assert_eq!(items(3, true).count().await, 3);
    let counts = ["ok", "error", "cancelled"].map(|outcome| ended("items", outcome));
    assert_eq!(counts, [1.0; 3].map(Some));

    let shop = Shop { till: 3, region: "eu" };
    assert_eq!(shop.receipts().collect::<Vec<_>>().await, [0, 1, 2]);
    assert_eq!(Shop { till: 0, region: "eu" }.receipts().next().await, None);
    let labels = [("operation", "receipts"), ("region", "eu"), ("outcome", "ok"), ("band", "1")];
    assert_eq!(value(Registry::global(), "concurrency_operations", labels), Some(2.0));
}
