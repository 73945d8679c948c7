use plimsoll::in_flight;
use std::future::Future;
use std::pin::Pin;

#[in_flight(name = "constant")]
const fn constant() {}

#[in_flight(name = "later")]
fn later() -> impl Future<Output = ()> {
    async {}
}

#[in_flight(name = "boxed", unknown)]
fn boxed() -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async {})
}

#[in_flight(name = "never")]
fn never() -> ! {
    loop {}
}

#[in_flight(name = "data")]
struct Data;

fn main() {
    // What is refused is still there: no fault follows from another.
    constant();
    let _ = later();
    let _ = boxed();
}
