//! The page in a real browser: it shows the SLOs, a fault turns the right row red, the chart moves,
//! it says when it has lost the daemon, and it fetches nothing from elsewhere.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "tests")]

use fantoccini::{Client, Locator};
use plimsoll_tests::browser::Browser;
use plimsoll_tests::plimsoll::Daemon;
use plimsoll_tests::{root, scratch, wait, write};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until a CSS selector finds something and returns what it says.
async fn await_text(window: &Client, selector: &str) -> String {
    wait::until(&format!("{selector} on the page"), PATIENCE, || async {
        let found = window.find(Locator::Css(selector)).await.ok()?;
        found.text().await.ok()
    })
    .await
}

async fn count(window: &Client, selector: &str) -> usize {
    window.find_all(Locator::Css(selector)).await.map_or(0, |found| found.len())
}

/// Returns what the browser has loaded from other hosts.
async fn foreign_loads(window: &Client) -> Vec<String> {
    let script = "return performance.getEntriesByType('resource').map(entry => entry.name)\
                  .filter(name => !name.startsWith(location.origin))";
    let found = window.execute(script, Vec::new()).await.expect("a list");
    found.as_array().expect("a list").iter().map(ToString::to_string).collect()
}

/// Returns the chart of the budget as it is drawn, once it has points.
async fn drawn(window: &Client) -> Option<String> {
    let script = "const chart = document.querySelector('[data-testid=\"chart-budget\"]');\
                  const points = Number(chart?.dataset.points ?? 0);\
                  return points > 0 ? chart.querySelector('canvas')?.toDataURL() : null";
    window.execute(script, Vec::new()).await.ok()?.as_str().map(str::to_owned)
}

async fn screenshot(window: &Client, name: &str) {
    let folder = root().join("target/screenshots");
    std::fs::create_dir_all(&folder).expect("a folder");
    let picture = window.screenshot().await.expect("a picture");
    std::fs::write(folder.join(name), picture).expect("a file");
}

#[tokio::test]
async fn a_fault_turns_the_right_row_red_and_the_chart_moves() {
    let demo = Daemon::demo(&["--fault", "slow-dependency@20s+600s"]).await;
    let browser = Browser::start(1280, 900).await;
    let window = &browser.window;
    window.goto(&demo.url).await.expect("the page");
    wait::until("a row for each SLO", PATIENCE, || async {
        (count(window, "[data-slo-id]").await == 8).then_some(())
    })
    .await;
    let row = |state: &str| format!("[data-slo-id='checkout/auth-latency'][data-state='{state}']");
    await_text(window, &row("ok")).await;

    await_text(window, &row("page")).await;
    assert_eq!(count(window, "[data-slo-id][data-state='page']").await, 1, "the others aren't red");

    let detail = format!("{}/#/slo/checkout%2Fauth-latency?range=15m", demo.url);
    window.goto(&detail).await.expect("the detail");
    let before = wait::until("the chart", PATIENCE, || drawn(window)).await;
    wait::until("the chart to move", PATIENCE, || async {
        drawn(window).await.filter(|picture| *picture != before)
    })
    .await;
    screenshot(window, "detail.png").await;
    window.goto(&demo.url).await.expect("the page");
    await_text(window, &row("page")).await;
    // The picture in the README.
    screenshot(window, "page.png").await;
    assert_eq!(foreign_loads(window).await, Vec::<String>::new());

    drop(demo);
    await_text(window, "[data-testid='banner-lost']").await;
    screenshot(window, "lost.png").await;
    browser.close().await;
}

/// Sets a field of a form, as a person would have.
async fn fill(window: &Client, field: &str, text: &str) {
    let script =
        format!("document.querySelector('#correction [name={field}]').value = arguments[0]");
    window.execute(&script, vec![text.into()]).await.expect("a field");
}

/// Waits until a whole minute was counted, and returns it as fields of a form have it.
async fn whole_minute(demo: &Daemon) -> (String, String) {
    let minute =
        wait::until("a minute that can be put right", Duration::from_secs(240), || async {
            let history = demo.get("/api/v1/slos/checkout%2Fauth-latency/history?step=10").await;
            let at = |point: &serde_json::Value| {
                let at = point["at"].as_str()?;
                time::OffsetDateTime::parse(at, &time::format_description::well_known::Rfc3339).ok()
            };
            let points = history["points"].as_array()?;
            let (first, last) = (at(points.first()?)?, at(points.last()?)?);
            let whole = first.unix_timestamp().div_euclid(60) * 60 + 60;
            (last.unix_timestamp() > whole + 80).then_some(whole)
        })
        .await;
    let field = |seconds: i64| {
        let at = time::OffsetDateTime::from_unix_timestamp(seconds).expect("a time");
        format!("{}T{:02}:{:02}", at.date(), at.hour(), at.minute())
    };
    (field(minute), field(minute + 60))
}

#[tokio::test]
async fn what_was_counted_is_put_right_on_the_page() {
    let demo = Daemon::demo(&[]).await;
    let browser = Browser::start(1280, 1400).await;
    let window = &browser.window;
    let detail = format!("{}/#/slo/checkout%2Fauth-latency?range=5m&zone=utc", demo.url);
    window.goto(&detail).await.expect("the detail");
    let (from, to) = whole_minute(&demo).await;
    await_text(window, "[data-testid='correct']").await;
    let open = async || {
        let button = window.find(Locator::Css("[data-testid='correct']")).await.expect("a button");
        button.click().await.expect("a click");
        await_text(window, "#correction-title").await;
    };
    let submit = "document.querySelector('#correction button.primary').click()";
    open().await;
    for (field, text) in
        [("good", "1000"), ("bad", "7"), ("reason", "a load test"), ("author", "Ann")]
    {
        fill(window, field, text).await;
    }
    fill(window, "from", "2001-01-01T00:00").await;
    fill(window, "to", "2001-01-01T00:05").await;
    window.execute(submit, Vec::new()).await.expect("sent");
    let fault = wait::until("the daemon's reason", PATIENCE, || async {
        let fault = window.find(Locator::Css("#correction-fault")).await.ok()?.text().await.ok()?;
        (!fault.is_empty()).then_some(fault)
    })
    .await;
    screenshot(window, "correction.png").await;
    assert!(!fault.contains("undefined"), "{fault}");
    window
        .execute("document.getElementById('correction').close()", Vec::new())
        .await
        .expect("closed");

    open().await;
    for (field, text) in
        [("good", "1000"), ("bad", "7"), ("reason", "a load test"), ("author", "Ann")]
    {
        fill(window, field, text).await;
    }
    fill(window, "from", &from).await;
    fill(window, "to", &to).await;
    window.execute(submit, Vec::new()).await.expect("sent");
    let told = await_text(window, "[data-testid='corrections'] li").await;
    for words in ["1,000 good, 7 bad", "a load test", "Ann"] {
        assert!(told.contains(words), "{told}");
    }
    screenshot(window, "corrections.png").await;
    let kept = demo.get("/api/v1/corrections").await;
    assert_eq!(kept["corrections"][0]["author"], "Ann", "{kept:#}");
    browser.close().await;
}

#[tokio::test]
async fn an_empty_daemon_says_what_to_do_next_on_a_phone_too() {
    let folder = scratch();
    write(folder.path(), "plimsoll.yml", "scrape_configs: []\nslo_files: []\n");
    let daemon = Daemon::serve(folder).await;
    let browser = Browser::start(375, 740).await;
    browser.window.goto(&daemon.url).await.expect("the page");
    let text = await_text(&browser.window, "[data-testid='empty']").await;
    assert!(text.contains("plimsoll init"), "{text}");
    let wide = browser
        .window
        .execute("return document.documentElement.scrollWidth <= window.innerWidth", Vec::new())
        .await
        .expect("a truth");
    assert_eq!(wide, true, "nothing hangs over the edge of a phone");
    screenshot(&browser.window, "phone.png").await;
    browser.close().await;
}
