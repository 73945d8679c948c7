//! Rules as text: Prometheus's own files, and the Kubernetes resources of its operator.

use super::{Generated, SloRules, Style};
use crate::rule::{Group, RuleFile};
use serde::Serialize;
use std::collections::BTreeMap;

/// What rules are written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Files of rules, as `rule_files` names them.
    Rules,
    /// `PrometheusRule` resources for the Prometheus operator.
    Crd,
}

/// Why rules could not be written as text.
#[derive(Debug, thiserror::Error)]
#[error(
    "the rules of {name} can't be written as YAML: {source}; this is a fault of plimsoll-rules"
)]
pub struct TextError {
    name: String,
    source: serde_yaml::Error,
}

/// The width at which comments are broken.
const WIDTH: usize = 100;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Resource<'a> {
    api_version: &'static str,
    kind: &'static str,
    metadata: Metadata,
    spec: Spec<'a>,
}

#[derive(Serialize)]
struct Metadata {
    name: String,
    labels: BTreeMap<&'static str, &'static str>,
}

#[derive(Serialize)]
struct Spec<'a> {
    groups: &'a [Group],
}

impl Generated {
    /// Writes a text for each file: its name without a folder, and the whole text.
    ///
    /// # Errors
    /// Rules that can't be written as YAML, which none of this crate are.
    pub fn texts(&self, style: Style, format: Format) -> Result<Vec<(String, String)>, TextError> {
        let header = self.header(style);
        let one = |rules: &SloRules| {
            let text = document(&rules.name, &rules.file, format)?;
            Ok((format!("{}.yaml", file_name(&rules.name)), format!("{header}{text}")))
        };
        self.files.iter().map(one).collect()
    }

    /// Writes everything as one text: one file of rules, or a document for each resource.
    ///
    /// # Errors
    /// As [`Generated::texts`].
    pub fn text(&self, style: Style, format: Format) -> Result<String, TextError> {
        let header = self.header(style);
        let body = match format {
            Format::Rules => {
                let groups = self.files.iter().flat_map(|rules| rules.file.groups.iter());
                let file = RuleFile { groups: groups.cloned().collect() };
                document("all", &file, format)?
            }
            Format::Crd => {
                let texts = self.files.iter().map(|one| document(&one.name, &one.file, format));
                texts.collect::<Result<Vec<_>, _>>()?.join("---\n")
            }
        };
        Ok(format!("{header}{body}"))
    }

    fn header(&self, style: Style) -> String {
        let verb = match style {
            Style::PerSlo => "plimsoll rules --style per-slo",
            Style::Generic => "plimsoll rules --style generic",
        };
        let mut text = format!(
            "# Written by `{verb}`; change the SLO files and write it anew.\n#\n\
             # What PromQL can't say, so that these rules differ from the daemon:\n"
        );
        for limit in &self.limits {
            text.push_str(&comment(limit));
        }
        text
    }
}

fn document(name: &str, file: &RuleFile, format: Format) -> Result<String, TextError> {
    let written = match format {
        Format::Rules => serde_yaml::to_string(file),
        Format::Crd => serde_yaml::to_string(&Resource {
            api_version: "monitoring.coreos.com/v1",
            kind: "PrometheusRule",
            metadata: Metadata {
                name: format!("plimsoll-{}", file_name(name)),
                labels: BTreeMap::from([("app.kubernetes.io/managed-by", "plimsoll")]),
            },
            spec: Spec { groups: &file.groups },
        }),
    };
    written.map_err(|source| TextError { name: name.to_owned(), source })
}

/// Makes a name that a file and a Kubernetes resource may have.
fn file_name(name: &str) -> String {
    let allowed = |letter: char| match letter {
        'a'..='z' | '0'..='9' | '-' => letter,
        'A'..='Z' => letter.to_ascii_lowercase(),
        _ => '-',
    };
    name.chars().map(allowed).collect::<String>().trim_matches('-').to_owned()
}

fn comment(sentence: &str) -> String {
    let mut lines = vec!["# -".to_owned()];
    for word in sentence.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + word.chars().count() < WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(format!("#   {word}")),
        }
    }
    lines.join("\n") + "\n"
}
