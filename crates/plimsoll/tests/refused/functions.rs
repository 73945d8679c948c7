use plimsoll::in_flight;
use std::future::Future;

#[in_flight(name = "constant")]
const fn constant() {}

#[in_flight(name = "later", unknown)]
fn later() -> impl Future<Output = ()> {
    async {}
}

#[in_flight(name = "unpinned")]
fn unpinned() -> Box<dyn Future<Output = ()> + Send> {
    Box::new(async {})
}

#[in_flight(name = "never")]
fn never() -> ! {
    loop {}
}

#[in_flight(name = "data")]
struct Data;

trait Pay {
    #[in_flight(name = "pay", limit = 0)]
    fn pay(&self);
}

fn main() {
    // What is refused is still there: no fault follows from another.
    constant();
    let _ = later();
    let _ = unpinned();
}
