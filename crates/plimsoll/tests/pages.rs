//! Each public instrument's page of documentation says the same things under the same titles: what is
//! recorded, what it costs, what a cancellation does, and the PromQL to read it, which is held against
//! the catalog.

#![allow(clippy::expect_used)] // A test that finds nothing has failed.

#[path = "pages/instruments.rs"]
mod instruments;
#[path = "pages/kinds.rs"]
mod kinds;
#[path = "pages/promql.rs"]
mod promql;
#[path = "pages/table.rs"]
mod table;

use instruments::Page;
use std::path::Path;

/// The sections that a page has beside the table of what is recorded. A mirror's page may lead to that
/// of the instrument that it records as.
const SECTIONS: [&str; 3] = ["# Cost", "# Cancellation", "# Reading it"];

#[test]
fn every_instrument_has_a_page_of_the_same_shape() {
    let pages = instruments::pages();
    for known in
        ["Operation", "Mutex", "mpsc", "LagProbe", "ConcurrencyLayer", "in_flight", "Level"]
    {
        assert!(pages.iter().any(|page| page.of == known), "{known} isn't among {pages:#?}");
    }
    let faults: Vec<String> = pages.iter().flat_map(|page| faults(page, &pages)).collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn the_table_of_every_series_is_that_of_the_catalog() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/signals.md");
    let text = table::page(&instruments::pages(), &kinds::kinds());
    if std::env::var_os("PLIMSOLL_WRITE").is_some() {
        std::fs::write(&path, &text).expect("docs/ is there");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = text.lines().zip(found.lines()).find(|(is, was)| is != was);
    let how = "run `cargo xtask generate`";
    assert!(found == text, "docs/signals.md isn't as generated: {how}; first: {differs:?}");
}

fn faults(page: &Page, pages: &[Page]) -> Vec<String> {
    let mut found = Vec::new();
    let series = page.series();
    if !page.has(pages, |page| !page.series().is_empty()) {
        found.push("has no table `| series | what |`, and leads to none".to_owned());
    }
    for section in SECTIONS {
        if !page.has(pages, |page| page.text.lines().any(|line| line == section)) {
            found.push(format!("has no section `{section}`, and leads to none"));
        }
    }
    let expressions = page.promql();
    if !page.has(pages, |page| !page.promql().is_empty()) {
        found.push("has no ```promql block, and leads to none".to_owned());
    }
    let is_own = |name: &str| promql::is_exported_by(name, &series);
    found.extend(series.iter().filter_map(|name| promql::unknown_series(name)));
    found.extend(expressions.iter().flat_map(|expression| promql::faults(expression, is_own)));
    found.into_iter().map(|fault| format!("{}: {} {fault}", page.file, page.of)).collect()
}
