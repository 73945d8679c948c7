use super::alert;
use super::budgeting;
use super::metric::{self, Measured};
use super::objects::{Objects, Placed};
use super::raw::{RawLabel, RawMetadata, RawObjective, RawSlo};
use super::window;
use crate::Document;
use crate::import::{Found, Import, Keys, plain, with_labels};
use crate::native::Name;
use plimsoll_model::Labels;
use plimsoll_slo::Objective;
use std::collections::BTreeMap;
use std::time::Duration;

/// Reads an SLO of v1 or v2alpha, which is one of ours for each of its objectives.
pub(super) fn read(
    documents: &[Document],
    objects: &Objects,
    placed: &Placed<RawSlo>,
    found: &mut Found,
) {
    let Some(document) = documents.get(placed.document) else { return };
    let mut import = Import { document, number: placed.document, found };
    let (metadata, raw) = (&placed.object.metadata, &placed.object.spec);
    let header = header(&mut import, metadata);
    let period = window::period(&mut import, &raw.time_window);
    if raw.objectives.is_empty() {
        let _: Option<()> = import.fault("spec.objectives", "needs one objective at least");
    }
    for (at, objective) in raw.objectives.iter().enumerate() {
        let path = format!("spec.objectives[{at}]");
        let mut import = Import { document, number: placed.document, found: import.found };
        let goal = goal(&mut import, &path, objective);
        let limit = metric::limit(
            &mut import,
            &path,
            (objective.op.as_deref(), objective.value.as_deref()),
        );
        let labels = labels(&mut import, &format!("{path}.labels"), &objective.labels);
        let measured = limit.and_then(|limit| {
            let document = (documents, &mut import);
            measured(document, objects, raw, limit)
        });
        let aim = goal.zip(period);
        let alerting = alert::alerting(documents, objects, (&mut import, raw), aim);
        let (Some(header), Some((goal, period))) = (&header, aim) else { continue };
        let (Some((sli, by)), Some(alerting), Some(labels)) = (measured, alerting, labels) else {
            continue;
        };
        let method = raw.budgeting_method.0;
        if budgeting::check(&mut import, &path, (method, &sli)).is_none() {
            continue;
        }
        let name = numbered(&header.name, at, raw.objectives.len());
        let mut slo = plain(raw.service.0.0.clone(), name, goal, sli);
        slo.description.clone_from(&raw.description);
        slo.labels = with_labels(&header.labels, &labels);
        (slo.by, slo.period, slo.alerting) = (by, period, alerting);
        slo.alerting.page.annotations.clone_from(&header.annotations);
        slo.alerting.ticket.annotations.clone_from(&header.annotations);
        import.add(slo, keys("spec.timeWindow[0].duration"));
    }
}

/// Returns the paths of what may be worth a warning.
pub(super) fn keys(period: &str) -> Keys {
    Keys {
        name: "metadata.name".into(),
        period: period.into(),
        sli: "spec".into(),
        exclusions: "spec".into(),
    }
}

/// Several objectives are told apart as Sloth does it: by their number, from 0.
pub(super) fn numbered(name: &str, at: usize, of: usize) -> String {
    if of == 1 { name.to_owned() } else { format!("{name}-{at}") }
}

/// What an object says about itself.
pub(super) struct Header {
    pub(super) name: String,
    pub(super) labels: Labels,
    pub(super) annotations: BTreeMap<String, String>,
}

pub(super) fn header(import: &mut Import<'_>, metadata: &RawMetadata) -> Option<Header> {
    let name = import.take("metadata.name", metadata.name.parse::<Name>());
    let labels = labels(import, "metadata.labels", &metadata.labels);
    let annotations = import.annotations("metadata.annotations", &metadata.annotations);
    let (Name(name), labels) = (name?, labels?);
    Some(Header { name, labels, annotations })
}

fn labels(
    import: &mut Import<'_>,
    path: &str,
    given: &BTreeMap<String, RawLabel>,
) -> Option<Labels> {
    let text = |value: &RawLabel| match value {
        RawLabel::One(text) => text.clone(),
        RawLabel::Several(texts) => texts.join(","),
    };
    import.labels(path, given.iter().map(|(key, value)| (key.clone(), text(value))))
}

fn goal(import: &mut Import<'_>, path: &str, raw: &RawObjective) -> Option<Objective> {
    match (&raw.target, &raw.target_percent) {
        (Some(target), None) => Some(target.0.0),
        (None, Some(percent)) => Some(percent.0.0),
        _ => import.fault(path, "must have exactly one of `target` and `targetPercent`"),
    }
}

/// Reads the SLI that an SLO holds or names.
fn measured(
    (documents, import): (&[Document], &mut Import<'_>),
    objects: &Objects,
    raw: &RawSlo,
    limit: Option<Duration>,
) -> Option<Measured> {
    let keys = ["spec.indicator", "spec.sli"];
    let inline_at = keys.into_iter().find(|at| import.document.has(at)).unwrap_or("spec.indicator");
    let reference_at = ["spec.indicatorRef", "spec.sliRef"];
    let reference_at = reference_at.into_iter().find(|at| import.document.has(at));
    match (&raw.indicator, &raw.indicator_ref) {
        (Some(inline), None) => {
            metric::sli(import, objects, (&format!("{inline_at}.spec"), &inline.spec), limit)
        }
        (None, Some(name)) => {
            let Some(placed) = objects.slis.get(name) else {
                return import.fault(reference_at.unwrap_or("spec"), "names no SLI of this file");
            };
            let document = documents.get(placed.document)?;
            let found = &mut *import.found;
            let mut import = Import { document, number: placed.document, found };
            metric::sli(&mut import, objects, ("spec", &placed.object.spec), limit)
        }
        _ => import.fault("spec", "must have an SLI in place, or the name of one"),
    }
}
