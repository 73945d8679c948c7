//! Ten thousand SLOs and more: what they cost beyond scraping, and how soon they are back.

use super::daemon::Setting;
use super::process::watch;
use super::service::Target;
use super::{Extent, sleep_s};
use crate::table::{Row, Table};

const MANY: usize = 10_000;
const HUGE: usize = 100_000;

pub(super) fn measure(table: &mut Table, extent: Extent) {
    scraping(table, extent);
    let each = many(table, extent);
    restart(table);
    if extent.huge {
        huge(table, extent, each);
    }
}

/// A target of 10,000 series, of which one SLO reads two.
fn scraping(table: &mut Table, extent: Extent) {
    let target = Target::serve(5_000);
    let mut daemon = Setting::new("scraping", &target, 1).start();
    daemon.await_ready();
    sleep_s(extent.warm_s / 4);
    let [load] = watch([&daemon], extent.watch_s as f64);
    table.add(Row::alone(
        "10,000 series scraped each second: user CPU",
        "% core",
        100.0 * load.user,
        0.5,
    ));
}

/// Returns what one SLO costs, in cores.
fn many(table: &mut Table, extent: Extent) -> f64 {
    let target = Target::serve(MANY);
    let mut scraping = Setting::new("scraping-many", &target, 1).start();
    let mut daemon = Setting::new("many", &target, MANY).start();
    scraping.await_ready();
    daemon.await_ready();
    sleep_s(extent.warm_s / 2);
    let [bare, whole] = watch([&scraping, &daemon], extent.watch_s as f64);
    let beyond = whole.whole - bare.whole;
    table.add(Row::alone(
        "10,000 SLOs each second: CPU beyond scraping",
        "% core",
        100.0 * beyond,
        10.0,
    ));
    let mib = daemon.resident() / f64::from(1 << 20);
    table.add(Row::alone("10,000 SLOs: resident memory", "MiB", mib, 300.0));
    beyond / MANY as f64
}

fn restart(table: &mut Table) {
    let target = Target::serve(MANY);
    let setting = Setting::new("restart", &target, MANY);
    drop(setting.live_a_month());
    let mut daemon = setting.start();
    let clean_s = daemon.await_ready();
    sleep_s(5);
    let mib = daemon.resident() / f64::from(1 << 20);
    daemon.kill();
    let mut daemon = setting.start();
    let killed_s = daemon.await_ready();
    daemon.stop();
    let ready = "10,000 SLOs with 30 days behind them: ready";
    table.add(Row::alone(&format!("{ready} after a stop"), "s", clean_s, 2.0));
    table.add(Row::alone(&format!("{ready} after kill -9"), "s", killed_s, 2.0));
    table.add(Row::alone("10,000 SLOs with 30 days behind them: resident", "MiB", mib, 300.0));
}

/// A tenth of the SLOs costs a tenth: no cliff on the way.
fn huge(table: &mut Table, extent: Extent, each: f64) {
    let target = Target::serve(HUGE);
    let mut daemon = Setting::new("huge", &target, HUGE).start();
    daemon.await_ready();
    sleep_s(extent.warm_s);
    let [load] = watch([&daemon], extent.watch_s as f64);
    let times = load.whole / HUGE as f64 / each;
    table.add(Row::alone(
        "100,000 SLOs: cost of each, scraping included, to 10,000's",
        "×",
        times,
        2.0,
    ));
}
