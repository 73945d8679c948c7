use crate::import::{PerCent, RawMetadata};
use crate::{Length, Parsed};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(super) struct RawResource {
    pub(super) metadata: RawMetadata,
    pub(super) spec: RawSpec,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawSpec {
    #[serde(default)]
    pub(super) description: String,
    pub(super) target: Parsed<PerCent>,
    pub(super) window: Parsed<Length>,
    pub(super) indicator: RawIndicator,
    #[serde(default)]
    pub(super) alerting: RawAlerting,
}

#[derive(Debug, Deserialize)]
pub(super) enum RawIndicator {
    #[serde(rename = "ratio")]
    Ratio {
        errors: RawMetric,
        total: RawMetric,
        #[serde(default)]
        grouping: Vec<String>,
    },
    #[serde(rename = "latency")]
    Latency {
        success: RawMetric,
        total: RawMetric,
        #[serde(default)]
        grouping: Vec<String>,
    },
    #[serde(rename = "latencyNative")]
    LatencyNative {
        latency: Parsed<Length>,
        total: RawMetric,
        #[serde(default)]
        grouping: Vec<String>,
    },
    #[serde(rename = "bool_gauge")]
    BoolGauge {
        metric: String,
        #[serde(default)]
        grouping: Vec<String>,
    },
}

#[derive(Debug, Deserialize)]
pub(super) struct RawMetric {
    pub(super) metric: String,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct RawAlerting {
    pub(super) disabled: Option<bool>,
    pub(super) burnrates: Option<bool>,
    pub(super) absent: Option<bool>,
    pub(super) name: Option<String>,
}
