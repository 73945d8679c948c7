//! Where a person finds what an alert is about.

use crate::config::Config;
use plimsoll_model::Labels;
use reqwest::Url;
use std::fmt::Write as _;

/// The addresses that links begin with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Links {
    /// Of this daemon's page, with a `/` at the end.
    page: String,
    /// Of the first Alertmanager's page, with a `/` at the end.
    alertmanager: Option<String>,
}

impl Links {
    pub(crate) fn new(config: &Config) -> Self {
        let own = || format!("http://{}/", config.listen);
        Self {
            page: config.external_url.as_ref().map_or_else(own, folder),
            alertmanager: config
                .alertmanagers
                .first()
                .map(|alertmanager| folder(&alertmanager.url)),
        }
    }

    /// Returns the link of an SLO's view, or of the list for an empty id.
    pub(crate) fn page(&self, id: &str) -> String {
        if id.is_empty() {
            return self.page.clone();
        }
        format!("{}#/slo/{}", self.page, percent_encoded(id))
    }

    /// Returns the link that opens a new silence for alerts with these labels.
    pub(crate) fn silence(&self, labels: &Labels) -> Option<String> {
        let base = self.alertmanager.as_ref()?;
        Some(format!("{base}#/silences/new?filter={}", percent_encoded(&labels.to_string())))
    }
}

fn folder(url: &Url) -> String {
    format!("{}/", url.as_str().trim_end_matches('/'))
}

/// Encodes as JavaScript's `encodeURIComponent` does, so that a link equals the page's own.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte) {
            encoded.push(byte.into());
        } else {
            // Writing to a string can't fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_with_a_slash_and_labels_is_one_part_of_a_link() {
        let links = Links { page: "http://a/".into(), alertmanager: Some("http://am/".into()) };
        assert_eq!(links.page(r#"a/b{c="é"}"#), "http://a/#/slo/a%2Fb%7Bc%3D%22%C3%A9%22%7D");
        let labels = Labels::new([("slo", "b")]).expect("valid");
        let silence = links.silence(&labels).expect("an Alertmanager");
        assert_eq!(silence, "http://am/#/silences/new?filter=%7Bslo%3D%22b%22%7D");
    }
}
