//! Asks one server, many questions at a time.

use super::answer::{Answered, Heard};
use super::question::{Pace, Question, questions};
use crate::client::{AccessError, Caller, reason};
use crate::config::Backend;
use crate::source::Heard as News;
use crate::timeline::Timeline;
use plimsoll_model::TimeMs;
use plimsoll_runtime::clock::Clock;
use plimsoll_runtime::shutdown::Stop;
use plimsoll_slo::Slo;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, Url};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Questions that go in one request.
const BATCH: usize = 40;

/// Requests at once.
const CONNECTIONS: usize = 4;

/// The longest time between two looks for questions that are due.
const LOOK_MAX: Duration = Duration::from_secs(1);

/// The most bytes of an answer that are read.
const ANSWER_BYTES_MAX: usize = 4 << 20;

/// An answer may be about a time so far from the one that was asked about.
const TIME_OFF_MAX_S: f64 = 5.0;

/// The label that tells the answers of one request apart.
const LABEL: &str = "plimsoll_question";

/// What asks one server.
#[derive(Debug)]
pub(crate) struct Asker {
    caller: Caller,
    url: Url,
    timeout: Duration,
    /// No window is asked for more often; what had no answer is asked again so soon.
    interval: Duration,
    questions: Vec<Asked>,
}

/// A question and when it is due.
#[derive(Debug)]
struct Asked {
    question: Arc<Question>,
    due: TimeMs,
    /// Together with others it was refused, so it is asked by itself.
    alone: bool,
}

/// The answer of the API, as far as it matters.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    status: String,
    #[serde(default)]
    error: String,
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

impl Asker {
    /// Builds what asks `backend` about the SLOs that want it.
    ///
    /// # Errors
    /// A certificate that can't be read.
    pub(crate) fn new<'s>(
        backend: &Backend,
        slos: impl IntoIterator<Item = &'s Slo>,
        slice: Duration,
    ) -> Result<Self, AccessError> {
        let pace = Pace { slice, interval: backend.interval };
        let https = backend.url.scheme() == "https";
        let caller = Caller::new(&backend.access, backend.timeout, https)?;
        let mut url = backend.url.clone();
        url.set_path(&format!("{}/api/v1/query", url.path().trim_end_matches('/')));
        let asked =
            |question| Asked { question: Arc::new(question), due: TimeMs(i64::MIN), alone: false };
        let questions = slos.into_iter().flat_map(|slo| questions(slo, pace)).map(asked);
        Ok(Self {
            caller,
            url,
            timeout: backend.timeout,
            interval: backend.interval,
            questions: questions.collect(),
        })
    }

    /// Starts to ask, until the daemon stops.
    pub(crate) fn spawn(
        self,
        tasks: &mut JoinSet<()>,
        news: mpsc::Sender<News>,
        clock: Timeline,
        stop: Stop,
    ) {
        tasks.spawn(async move {
            stop.run_until_stopped(self.run(news, clock)).await;
        });
    }

    async fn run(mut self, news: mpsc::Sender<News>, clock: Timeline) {
        let mut ticks = tokio::time::interval(self.interval.min(LOOK_MAX));
        loop {
            ticks.tick().await;
            let now = clock.now();
            let due: Vec<usize> =
                (0..self.questions.len()).filter(|at| self.is_due(*at, now)).collect();
            let (alone, together): (Vec<usize>, Vec<usize>) = due
                .into_iter()
                .partition(|at| self.questions.get(*at).is_some_and(|asked| asked.alone));
            let rounds = together.chunks(BATCH).chain(alone.chunks(1)).map(<[usize]>::to_vec);
            for some in rounds.collect::<Vec<_>>().chunks(CONNECTIONS) {
                let asking = some.iter().map(|batch| self.ask(batch, &clock));
                let heard = futures_util::future::join_all(asking).await;
                for (batch, (at, outcome)) in some.iter().zip(heard) {
                    let Some(answers) = self.note(batch, at, outcome) else { continue };
                    if news.send(News::Answered(Heard { at, answers })).await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    fn is_due(&self, at: usize, now: TimeMs) -> bool {
        self.questions.get(at).is_some_and(|asked| asked.due <= now)
    }

    /// Asks some questions at once; returns when, and the value of each.
    async fn ask(
        &self,
        batch: &[usize],
        clock: &Timeline,
    ) -> (TimeMs, Result<Vec<Option<f64>>, Unanswered>) {
        let at = clock.now();
        let texts: Vec<&str> = batch
            .iter()
            .filter_map(|at| self.questions.get(*at))
            .map(|asked| asked.question.text.as_str())
            .collect();
        let seconds = clock.on_the_wall(at).0 as f64 / 1e3;
        (at, self.request(&texts, seconds).await)
    }

    async fn request(&self, texts: &[&str], at_s: f64) -> Result<Vec<Option<f64>>, Unanswered> {
        let query = match texts {
            [alone] => (*alone).to_owned(),
            many => joined(many),
        };
        let form = [
            ("query", query),
            ("time", format!("{at_s:.3}")),
            ("timeout", format!("{}ms", self.timeout.as_millis())),
            // Thanos: what isn't whole is an error.
            ("partial_response", "false".to_owned()),
        ];
        let failed = |error: reqwest::Error| Unanswered::Failed(reason(&error, self.timeout));
        let request = self
            .caller
            .request(Method::POST, self.url.clone())
            .map_err(|error| Unanswered::Failed(error.to_string()))?;
        let mut encoded = self.url.clone();
        encoded.query_pairs_mut().clear().extend_pairs(form);
        let request = request
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(encoded.query().unwrap_or_default().to_owned());
        let mut response = request.send().await.map_err(failed)?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(Unanswered::Refused("the answer is too long".into()));
            }
            body.extend_from_slice(&chunk);
        }
        let answer: Answer = serde_json::from_slice(&body)
            .map_err(|_| Unanswered::Failed(format!("answered {status} and no JSON of its API")))?;
        if answer.status != "success" {
            let words = format!("answered {status}: {}", answer.error);
            let ours = status.as_u16() == 400 || status.as_u16() == 422;
            return Err(if ours { Unanswered::Refused(words) } else { Unanswered::Failed(words) });
        }
        answer.values(texts.len(), at_s)
    }

    /// Notes what a request gave; `None` when its questions are to be asked one by one.
    fn note(
        &mut self,
        batch: &[usize],
        at: TimeMs,
        outcome: Result<Vec<Option<f64>>, Unanswered>,
    ) -> Option<Vec<Answered>> {
        if let (Err(Unanswered::Refused(_)), true) = (&outcome, batch.len() > 1) {
            for position in batch {
                if let Some(asked) = self.questions.get_mut(*position) {
                    asked.alone = true;
                }
            }
            return None;
        }
        let mut answers = Vec::new();
        for (order, position) in batch.iter().enumerate() {
            let Some(asked) = self.questions.get_mut(*position) else { continue };
            let pause = if outcome.is_ok() { asked.question.every } else { self.interval };
            asked.due = at + pause;
            let Question { slo, window, aspect, every, worth, .. } = &*asked.question;
            let value = match &outcome {
                Ok(values) => Ok(values.get(order).copied().flatten()),
                Err(error) => Err(error.to_string()),
            };
            answers.push(Answered {
                slo: slo.clone(),
                window: *window,
                aspect: *aspect,
                every: *every,
                worth: *worth,
                value,
            });
        }
        Some(answers)
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum Unanswered {
    /// One of the questions is to blame.
    #[error("{0}")]
    Refused(String),
    #[error("{0}")]
    Failed(String),
}

/// Writes many questions as one: each answer carries its number.
fn joined(texts: &[&str]) -> String {
    let each = texts.iter().enumerate();
    let each = each.map(|(number, text)| {
        format!("label_replace({text}, \"{LABEL}\", \"{number}\", \"\", \"\")")
    });
    each.collect::<Vec<_>>().join(" or ")
}

impl Answer {
    /// Returns the value of each of `count` questions about the time `at_s`.
    fn values(self, count: usize, at_s: f64) -> Result<Vec<Option<f64>>, Unanswered> {
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
