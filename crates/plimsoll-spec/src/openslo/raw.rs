use super::budgeting::Method;
use crate::Parsed;
use crate::import::{PartOfOne, PerCent};
use crate::native::Name;
use serde::Deserialize;
use std::collections::BTreeMap;

/// An object whose spec is read already.
#[derive(Debug, Deserialize)]
pub(super) struct RawObject<T> {
    pub(super) metadata: RawMetadata,
    pub(super) spec: T,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawMetadata {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) labels: BTreeMap<String, RawLabel>,
    #[serde(default)]
    pub(super) annotations: BTreeMap<String, String>,
}

/// A label has one value or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum RawLabel {
    One(String),
    Several(Vec<String>),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawSlo {
    #[serde(default)]
    pub(super) description: String,
    pub(super) service: Parsed<Name>,
    #[serde(alias = "sli")]
    pub(super) indicator: Option<RawInlineSli>,
    #[serde(alias = "sliRef")]
    pub(super) indicator_ref: Option<String>,
    pub(super) time_window: Vec<RawWindow>,
    pub(super) budgeting_method: Parsed<Method>,
    pub(super) objectives: Vec<RawObjective>,
    #[serde(default)]
    pub(super) alert_policies: Vec<RawPolicyOrRef>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawWindow {
    pub(super) duration: String,
    pub(super) is_rolling: Option<bool>,
    pub(super) calendar: Option<RawCalendar>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawCalendar {
    pub(super) start_time: String,
    pub(super) time_zone: Parsed<plimsoll_slo::Zone>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawObjective {
    pub(super) op: Option<String>,
    pub(super) value: Option<String>,
    pub(super) target: Option<Parsed<PartOfOne>>,
    pub(super) target_percent: Option<Parsed<PerCent>>,
    #[serde(default)]
    pub(super) labels: BTreeMap<String, RawLabel>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawInlineSli {
    pub(super) spec: RawSli,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawSli {
    pub(super) threshold_metric: Option<RawMetric>,
    pub(super) ratio_metric: Option<RawRatio>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawRatio {
    #[serde(default)]
    pub(super) counter: bool,
    pub(super) good: Option<RawMetric>,
    pub(super) bad: Option<RawMetric>,
    pub(super) total: RawMetric,
}

/// A metric: within `metricSource` in v1, by itself in v2alpha.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawMetric {
    pub(super) metric_source: Option<RawSource>,
    #[serde(flatten)]
    pub(super) source: RawSource,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawSource {
    #[serde(alias = "dataSourceRef")]
    pub(super) metric_source_ref: Option<String>,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) data_source_spec: Option<RawDataSource>,
    pub(super) spec: Option<RawQuery>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawQuery {
    pub(super) query: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawDataSource {
    #[serde(rename = "type")]
    pub(super) kind: String,
}

/// A policy by name, or in place.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawPolicyOrRef {
    pub(super) alert_policy_ref: Option<String>,
    pub(super) spec: Option<RawPolicy>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawPolicy {
    pub(super) alert_when_no_data: Option<bool>,
    pub(super) alert_when_resolved: Option<bool>,
    pub(super) alert_when_breaching: Option<bool>,
    pub(super) conditions: Vec<RawConditionOrRef>,
    #[serde(default)]
    pub(super) notification_targets: Vec<RawTargetOrRef>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawConditionOrRef {
    pub(super) condition_ref: Option<String>,
    pub(super) spec: Option<RawCondition>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawCondition {
    pub(super) severity: String,
    pub(super) condition: RawBurn,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawBurn {
    pub(super) threshold: Parsed<crate::native::Burn>,
    pub(super) lookback_window: Parsed<crate::native::SomeLength>,
    pub(super) alert_after: Option<Parsed<crate::Length>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawTargetOrRef {
    pub(super) target_ref: Option<String>,
    pub(super) metadata: Option<RawMetadata>,
}

/// A spec of which nothing more is needed than that it is right.
#[derive(Debug, Deserialize)]
pub(super) struct RawNothing {}

/// The SLO of v1alpha, which carries its metrics itself.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawAlphaSlo {
    #[serde(default)]
    pub(super) description: String,
    pub(super) service: Parsed<Name>,
    pub(super) indicator: Option<RawAlphaIndicator>,
    pub(super) time_windows: Vec<RawAlphaWindow>,
    pub(super) budgeting_method: Parsed<Method>,
    pub(super) objectives: Vec<RawAlphaObjective>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawAlphaIndicator {
    pub(super) threshold_metric: RawAlphaMetric,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawAlphaWindow {
    pub(super) count: u64,
    pub(super) unit: String,
    pub(super) is_rolling: Option<bool>,
    pub(super) calendar: Option<RawCalendar>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawAlphaObjective {
    pub(super) op: Option<String>,
    pub(super) value: Option<String>,
    pub(super) target: Parsed<PartOfOne>,
    pub(super) ratio_metrics: Option<RawAlphaRatio>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawAlphaRatio {
    #[serde(default)]
    pub(super) counter: bool,
    pub(super) good: Option<RawAlphaMetric>,
    pub(super) bad: Option<RawAlphaMetric>,
    pub(super) total: RawAlphaMetric,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawAlphaMetric {
    pub(super) query: String,
}
