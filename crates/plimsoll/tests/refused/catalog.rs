use plimsoll::concurrency_metrics;

#[concurrency_metrics(prefix = "shop")]
mod arguments {
    /// Every fault of one static at once.
    pub static FAULTS: Level = level(nmae = "x", limit = 0, edges = [5ms], "y", limit);

    /// Nothing is said.
    pub static NOTHING: Counter = counter();

    /// Twice.
    pub static TWICE: Gauge = gauge(name = "twice", name = "thrice", unit = 3);

    /// Wrong values.
    pub static VALUES: Level = level(name = CHECKOUTS, unit = "{checkout}", limit = "many");

    /// Edges that are none.
    pub static EDGES: Duration = duration(name = "edges", edges = [5, 5h, 0ms, 1s, 1s, 250ms, 1.5s]);

    /// No list of edges.
    pub static EDGE: Duration = duration(name = "edge", edges = 5ms, unit = "s");
}

#[concurrency_metrics(prefix = "shop")]
mod names {
    pub static NO_HELP: Gauge = gauge(name = "no_help", unit = "{item}");

    /// No words.
    pub static NO_WORDS: Gauge = gauge(name = "No Words", unit = "{item}");

    /// An empty word.
    pub static EMPTY: Gauge = gauge(name = "a..b", unit = "{item}");

    /// What Prometheus adds.
    pub static TOTAL: Counter = counter(name = "orders_total", unit = "{order}");

    /// What the unit adds.
    pub static UNIT: Gauge = gauge(name = "age.seconds", unit = "s");

    /// The first of two.
    pub static LEVEL: Level = level(name = "carts", unit = "{cart}");

    /// One that is a part of the first.
    pub static PEAK: Gauge = gauge(name = "carts.peak", unit = "{cart}");

    /// One that Prometheus would call the same.
    pub static SAME: Level = level(name = "carts", unit = "{basket}");

    /// A level in no unit.
    pub static ONE: Level = level(name = "one", unit = "1");

    /// A counter of seconds.
    pub static SECONDS: Counter = counter(name = "busy", unit = "s");

    /// A gauge in no base unit.
    pub static MILLIS: Gauge = gauge(name = "age", unit = "ms");
}

#[concurrency_metrics(prefix = "shop")]
mod items {
    /// Another type than its kind's.
    pub static TYPE: Counter = level(name = "type", unit = "{item}");

    /// No kind at all.
    pub static KIND: Level = histogram(name = "kind", unit = "{item}");

    /// Not a call.
    pub static NUMBER: u64 = 3;

    /// No type with a name.
    pub static TUPLE: (u8, u8) = counter(name = "tuple", unit = "{item}");

    /// One that changes.
    pub static mut CHANGES: Counter = counter(name = "changes", unit = "{item}");

    pub struct Tuple(&'static str);

    pub struct Empty {}

    pub struct Generic<T> {
        pub of: T,
    }

    pub struct Reserved {
        pub le: &'static str,
        pub __name: &'static str,
        pub job: &'static str,
    }

    pub struct Number {
        pub shard: u32,
    }
}

#[concurrency_metrics(prefix = "concurrency")]
mod ours {
    /// Under a name that is ours.
    pub static LEVEL: Level = level(name = "in_flight", unit = "{request}");
}

#[concurrency_metrics(prefix = "process_start")]
mod clash {
    /// A name that every process has.
    pub static TIME: Gauge = gauge(name = "time", unit = "s");
}

#[concurrency_metrics]
mod nothing {}

#[concurrency_metrics(prefix = "Shop", prfix = "shop")]
mod upper {}

#[concurrency_metrics(prefix)]
mod no_value {}

#[concurrency_metrics(prefix = "shop")]
pub struct NoModule;

fn main() {
    // What is refused is still there: no fault follows from another.
    drop(arguments::FAULTS.enter());
    arguments::NOTHING.increment();
    names::LEVEL.set_limit(None);
}
