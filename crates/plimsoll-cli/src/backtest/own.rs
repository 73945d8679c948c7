use anyhow::{Context, bail};
use plimsoll_backtest::Stretch;
use plimsoll_model::TimeMs;
use plimsoll_slo::Slo;
use plimsoll_store::{Archive, HistoryPoint, Ledger, Limits, Store};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Every SLO or label set with the history that is kept of it.
type Pasts = Vec<(String, Arc<Slo>, Vec<Stretch>)>;

/// Reads what a daemon kept of these SLOs, and how long each stretch of it is.
pub(crate) fn read(
    folder: &Path,
    slos: &[Arc<Slo>],
    from: TimeMs,
    to: TimeMs,
) -> anyhow::Result<(Pasts, Duration)> {
    let name = folder.display();
    if !folder.is_dir() {
        bail!("{name} is no folder: give the data_dir of a daemon");
    }
    let archive = Archive::open(folder)
        .with_context(|| format!("{name}: the daemon's file can't be opened; has it ended?"))?;
    let mut store = Store::new(slos.to_vec(), Limits { slice: Duration::from_secs(1) })?;
    archive.load(&mut store)?;
    let mut pasts = Pasts::new();
    for ledger in store.ledgers() {
        let points = archive.history(ledger.id(), (from, to), Duration::ZERO, &ledger.recent())?;
        let (id, slo) = (Ledger::id(ledger).to_owned(), ledger.slo().clone());
        pasts.push((id, slo, points.into_iter().map(stretch).collect()));
    }
    let step = shortest(&pasts)
        .with_context(|| format!("{name} holds nothing of these SLOs in that range"))?;
    for (_, _, stretches) in &mut pasts {
        fill(stretches, step);
    }
    Ok((pasts, step))
}

fn stretch(point: HistoryPoint) -> Stretch {
    let HistoryPoint { at, counts, known, expected, .. } = point;
    Stretch { at, counts, known, expected }
}

fn shortest(pasts: &Pasts) -> Option<Duration> {
    let between = |pair: &[Stretch]| match pair {
        [one, next] => Some(next.at.since(one.at)),
        _ => None,
    };
    let all = pasts.iter().flat_map(|(_, _, stretches)| stretches.windows(2).filter_map(between));
    all.filter(|between| !between.is_zero()).min()
}

/// A stretch in which nothing was expected isn't kept, but time passed in it.
fn fill(stretches: &mut Vec<Stretch>, step: Duration) {
    let step_ms = i64::try_from(step.as_millis()).unwrap_or(i64::MAX).max(1);
    let kept = std::mem::take(stretches);
    for stretch in kept {
        while let Some(last) = stretches.last().filter(|last| last.at.0 + step_ms < stretch.at.0) {
            stretches.push(Stretch { at: TimeMs(last.at.0 + step_ms), ..Stretch::default() });
        }
        stretches.push(stretch);
    }
}
