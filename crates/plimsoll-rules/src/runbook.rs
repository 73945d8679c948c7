//! Where a person who is woken reads what to do.

/// The folder of the runbooks, in the repository.
pub const FOLDER: &str = "alerts/runbooks";

/// The address under which the folder is read in a browser. A fork that keeps its own runbooks
/// changes it here and generates anew.
pub const BASE: &str = "https://github.com/plimsoll-rs/plimsoll/blob/main/alerts/runbooks";

/// Returns the address of the runbook of `alert`.
pub fn url(alert: &str) -> String {
    format!("{BASE}/{alert}.md")
}

/// Returns the path of the runbook of `alert` in the repository.
pub fn path(alert: &str) -> String {
    format!("{FOLDER}/{alert}.md")
}
