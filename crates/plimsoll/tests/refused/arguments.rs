use plimsoll::in_flight;

#[in_flight(limit = 0, nmae = "auth", labels(outcome = "x", region = "eu", region = "us"))]
fn every_fault_at_once() {}

#[in_flight(name = "", name = "b", limit 3)]
fn twice() {}

#[in_flight]
fn no_name() {}

#[in_flight(name = 4, labels(region))]
fn not_a_text() {}

#[in_flight(name = "auth", limit = "many", labels(region = 3))]
fn wrong_types() {}

fn main() {
    plimsoll::backpressure!("orders", reason = fulll);
}

#[in_flight(name, limit =, labels)]
fn no_values() {}

#[in_flight(name = "auth", "limit" = 3, labels(r#type = "a", le = "b", größe = "c", 3 = "d"))]
fn bad_labels() {}
