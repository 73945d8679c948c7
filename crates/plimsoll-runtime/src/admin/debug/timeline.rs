//! `/debug/timeline`: the last seconds as a trace-event file, which Perfetto and other viewers open.
//!
//! The format is Google's "Trace Event Format": times in microseconds; `X` is a slice, `s` and `f` the
//! ends of an arrow, `C` a counter, `M` a track's name.

use super::place;
use plimsoll_record::waits::{Role, Span};
use plimsoll_record::{Timeline, Track};
use serde_json::{Value, json};

/// The number of the one process that a file tells of.
const PROCESS: u32 = 1;

/// Returns the events of a timeline.
pub(super) fn document(timeline: &Timeline) -> Value {
    let mut lanes = Lanes::default();
    let mut spans: Vec<&Span> = timeline.spans.iter().collect();
    // Of those that begin together the longest comes first, and the others lie in it.
    let until_ns = |span: &Span| span.until_ns.unwrap_or(timeline.until_ns).max(span.from_ns);
    spans.sort_by_key(|span| (span.from_ns, std::cmp::Reverse(until_ns(span))));
    let slices: Vec<Slice<'_>> = spans
        .into_iter()
        .map(|span| Slice {
            span,
            until_ns: until_ns(span),
            lane: lanes.place(span, until_ns(span)),
        })
        .collect();
    let mut events = vec![named("process_name", 0, "plimsoll")];
    for (number, lane) in lanes.0.iter().enumerate() {
        events.push(named("thread_name", number + 1, &lane.name));
    }
    events.extend(slices.iter().map(Slice::event));
    events.extend(slices.iter().enumerate().filter_map(|at| arrow(at, &slices)).flatten());
    events.extend(timeline.levels.iter().flat_map(counter));
    json!({ "displayTimeUnit": "ms", "traceEvents": events })
}

/// A span on a lane.
struct Slice<'a> {
    span: &'a Span,
    until_ns: u64,
    lane: usize,
}

impl Slice<'_> {
    fn event(&self) -> Value {
        let (span, what) = (self.span, &self.span.what);
        let (category, verb) = match span.role {
            Role::Wait(_) => ("wait", "waits for"),
            Role::Hold => ("hold", "holds"),
        };
        let mut event = json!({
            "ph": "X",
            "cat": category,
            "name": format!("{verb} {}", what.name),
            "pid": PROCESS,
            "tid": self.lane + 1,
            "ts": micros(span.from_ns),
            "dur": micros(self.until_ns - span.from_ns),
            "args": {
                "kind": what.kind.name(),
                "name": what.name,
                "number": span.number,
                "made_at": place(span.made_at),
                "site": span.site.map(place),
                "lasts": span.until_ns.is_none(),
            },
        });
        if let Role::Wait(Some(hold)) = &span.role {
            event["args"]["held_by"] = json!(hold.who.to_string());
            event["args"]["held_at"] = json!(hold.site.map(place));
        }
        event
    }

    /// Says whether this is the hold that a wait began to wait for.
    fn is_first_of(&self, wait: &Span) -> bool {
        let Role::Wait(Some(hold)) = &wait.role else { return false };
        self.is_hold_of(wait)
            && self.span.who.whole() == hold.who.whole()
            && (self.span.from_ns..=self.until_ns).contains(&wait.from_ns)
    }

    /// Says whether this is a hold of what is waited for, by another.
    fn is_hold_of(&self, wait: &Span) -> bool {
        matches!(self.span.role, Role::Hold)
            && self.span.number == wait.number
            && self.span.who != wait.who
    }
}

/// Returns both ends of the arrow from a wait to the hold that it waits for: the one at its beginning,
/// else the first that began meanwhile, as when a lock was on its way from one holder to the next.
fn arrow((number, wait): (usize, &Slice<'_>), slices: &[Slice<'_>]) -> Option<[Value; 2]> {
    if matches!(wait.span.role, Role::Hold) {
        return None;
    }
    let meanwhile = wait.span.from_ns..wait.until_ns;
    let hold = slices.iter().find(|slice| slice.is_first_of(wait.span)).or_else(|| {
        let later = |slice: &&Slice<'_>| meanwhile.contains(&slice.span.from_ns);
        slices.iter().filter(|slice| slice.is_hold_of(wait.span)).find(later)
    })?;
    let at_ns = wait.span.from_ns.max(hold.span.from_ns);
    let end = |phase: &str, lane: usize| {
        json!({
            "ph": phase,
            "cat": "blocks",
            "name": "waits for",
            "id": number + 1,
            "pid": PROCESS,
            "tid": lane + 1,
            "ts": micros(at_ns),
        })
    };
    let mut to = end("f", hold.lane);
    to["bp"] = json!("e"); // it ends at the slice around it, not at the next one
    Some([end("s", wait.lane), to])
}

fn counter(track: &Track) -> impl Iterator<Item = Value> {
    let name = format!("{}{}", track.signal.name, track.labels);
    track.points.iter().map(move |(at_ns, level)| {
        let args = json!({ "level": level });
        json!({ "ph": "C", "name": name, "pid": PROCESS, "ts": micros(*at_ns), "args": args })
    })
}

fn named(what: &str, lane: usize, name: &str) -> Value {
    json!({ "ph": "M", "name": what, "pid": PROCESS, "tid": lane, "args": { "name": name } })
}

fn micros(ns: u64) -> f64 {
    ns as f64 / 1e3
}

/// The tracks: of each task and thread as many as it takes for slices to lie in each other or apart,
/// since a viewer draws no others.
#[derive(Default)]
struct Lanes(Vec<Lane>);

struct Lane {
    who: String,
    name: String,
    /// The ends of the slices that lie around the last one.
    open: Vec<u64>,
}

impl Lanes {
    /// Finds a lane for a span; they come in the order of their beginnings.
    fn place(&mut self, span: &Span, until_ns: u64) -> usize {
        let who = span.who.to_string();
        let mut own = 0;
        for (number, lane) in self.0.iter_mut().enumerate() {
            if lane.who != who {
                continue;
            }
            own += 1;
            while lane.open.last().is_some_and(|end_ns| *end_ns <= span.from_ns) {
                lane.open.pop();
            }
            if lane.open.last().is_none_or(|end_ns| *end_ns >= until_ns) {
                lane.open.push(until_ns);
                return number;
            }
        }
        let name = if own == 0 { who.clone() } else { format!("{who} ({})", own + 1) };
        self.0.push(Lane { who, name, open: vec![until_ns] });
        self.0.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_record::waits::{Kind, What, Who};
    use std::panic::Location;
    use std::sync::Arc;

    fn hold(number: u64, from_ns: u64, until_ns: u64) -> Span {
        let what = What::new(Kind::Mutex, format!("lock {number}"));
        Span {
            what: Arc::new(what),
            number,
            made_at: Location::caller(),
            who: Who::task(7),
            site: None,
            from_ns,
            until_ns: Some(until_ns),
            role: Role::Hold,
        }
    }

    #[test]
    fn slices_of_a_track_lie_in_each_other_or_apart() {
        let spans = vec![hold(3, 40, 70), hold(1, 10, 60), hold(2, 20, 30), hold(4, 60, 80)];
        let timeline = Timeline { until_ns: 100, spans, levels: Vec::new() };
        let document = document(&timeline);
        let events = document["traceEvents"].as_array().expect("a list");
        let slices: Vec<_> = events.iter().filter(|event| event["ph"] == "X").collect();
        let lanes: Vec<_> =
            slices.iter().map(|slice| (&slice["args"]["number"], &slice["tid"])).collect();
        // The third begins in the first and outlasts it; the fourth has room again.
        assert_eq!(
            lanes,
            [
                (&json!(1), &json!(1)),
                (&json!(2), &json!(1)),
                (&json!(3), &json!(2)),
                (&json!(4), &json!(1))
            ]
        );
        let names: Vec<_> = events.iter().filter(|event| event["name"] == "thread_name").collect();
        assert_eq!(names.len(), 2);
        assert_eq!(names[1]["args"]["name"], "task 7 (2)");
        assert_eq!((&slices[0]["ts"], &slices[0]["dur"]), (&json!(0.01), &json!(0.05)));
    }
}
