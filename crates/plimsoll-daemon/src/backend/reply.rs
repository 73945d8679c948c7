//! What a server answers, and whether that is the whole of what it was asked.

use serde::Deserialize;
use std::collections::BTreeMap;

/// An answer may be about a time so far from the one that was asked about.
const TIME_OFF_MAX_S: f64 = 5.0;

/// The label that tells the answers of one request apart.
const LABEL: &str = "plimsoll_question";

/// The answer of the API, as far as it matters.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer {
    pub(super) status: String,
    #[serde(default)]
    pub(super) error: String,
    #[serde(default)]
    warnings: Vec<String>,
    /// VictoriaMetrics says so that some of its storage didn't answer.
    #[serde(default)]
    is_partial: bool,
    data: Option<Data>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    result_type: String,
    result: serde_json::Value,
}

impl Data {
    /// Returns the series that it is about; `None` when it isn't about one time.
    fn series(self) -> Option<Vec<Series>> {
        match self.result_type.as_str() {
            "vector" => serde_json::from_value(self.result).ok(),
            "scalar" => {
                let value = serde_json::from_value(self.result).ok()?;
                Some(vec![Series { metric: BTreeMap::new(), value: Some(value) }])
            }
            _ => None,
        }
    }
}

#[derive(Debug, Deserialize)]
struct Series {
    metric: BTreeMap<String, String>,
    value: Option<(f64, String)>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unanswered {
    /// One of the questions is to blame.
    #[error("{0}")]
    Refused(String),
    #[error("{0}")]
    Failed(String),
}

/// Writes many questions as one: each answer carries its number.
pub(super) fn joined(texts: &[&str]) -> String {
    let each = texts.iter().enumerate();
    let each = each.map(|(number, text)| {
        format!("label_replace({text}, \"{LABEL}\", \"{number}\", \"\", \"\")")
    });
    each.collect::<Vec<_>>().join(" or ")
}

impl Answer {
    /// Returns the value of each of `count` questions about the time `at_s`.
    pub(super) fn values(self, count: usize, at_s: f64) -> Result<Vec<Option<f64>>, Unanswered> {
        if let Some(warning) = self.warnings.first() {
            return Err(Unanswered::Failed(format!("the answer isn't whole: {warning}")));
        }
        if self.is_partial {
            return Err(Unanswered::Failed("the answer isn't whole: isPartial".into()));
        }
        let mut values = vec![None; count];
        let none = || Unanswered::Refused("a query gives no single number".into());
        let series = self.data.and_then(Data::series).ok_or_else(none)?;
        for Series { metric, value } in series {
            let number = metric.get(LABEL).map_or(Some(0), |number| number.parse().ok());
            let place = number.and_then(|number: usize| values.get_mut(number));
            let (Some(place), Some((about_s, text))) = (place, value) else {
                return Err(none());
            };
            if (about_s - at_s).abs() > TIME_OFF_MAX_S {
                return Err(Unanswered::Failed("the answer is about another time".into()));
            }
            let number = text
                .parse::<f64>()
                .map_err(|_| Unanswered::Failed(format!("answered {text:?} for a number")))?;
            if place.replace(number).is_some() {
                let words = "a query gives several series: put sum() around it";
                return Err(Unanswered::Refused(words.into()));
            }
        }
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(json: &str) -> Result<Vec<Option<f64>>, String> {
        let answer: Answer = serde_json::from_str(json).expect("JSON");
        answer.values(2, 100.0).map_err(|error| error.to_string())
    }

    #[test]
    fn only_a_whole_answer_about_the_right_time_is_one() {
        let vector = |rest: &str, at: &str| {
            format!(
                r#"{{"status":"success"{rest},"data":{{"resultType":"vector","result":[
                {{"metric":{{"plimsoll_question":"1"}},"value":[{at},"7.5"]}}]}}}}"#
            )
        };
        assert_eq!(values(&vector("", "100.0")), Ok(vec![None, Some(7.5)]));
        for (json, words) in [
            (vector(r#","warnings":["one store is down"]"#, "100"), "isn't whole: one store"),
            (vector(r#","isPartial":true"#, "100"), "isn't whole"),
            (vector("", "40"), "about another time"),
            (
                r#"{"status":"success","data":{"resultType":"vector","result":[
                {"metric":{"a":"1"},"value":[100,"1"]},{"metric":{"a":"2"},"value":[100,"2"]}]}}"#
                    .into(),
                "put sum() around it",
            ),
            (
                r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#.into(),
                "no single number",
            ),
        ] {
            let error = values(&json).expect_err("not whole");
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn many_questions_are_one_request() {
        assert_eq!(
            joined(&["sum(a)", "sum(b)"]),
            r#"label_replace(sum(a), "plimsoll_question", "0", "", "") or label_replace(sum(b), "plimsoll_question", "1", "", "")"#
        );
    }
}
