//! Asks one server, many questions at a time.

use super::answer::{Answered, Heard};
use super::question::{Asking, Pace, Question, questions};
use super::reply::{Answer, Unanswered, joined};
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
    question: Question,
    due: TimeMs,
    /// Together with others it was refused, so it is asked by itself.
    alone: bool,
}

/// Some questions, and what asking them gave: the values are those of the questions that have a form.
struct Round {
    at: TimeMs,
    asked: Vec<(usize, Option<Asking>)>,
    outcome: Result<Vec<Option<f64>>, Unanswered>,
}

impl Asker {
    /// Builds what asks `backend` about the SLOs that want it.
    ///
    /// # Errors
    /// A certificate that can't be read.
    pub(crate) fn new<'s>(
        backend: &Backend,
        slos: impl IntoIterator<Item = &'s Arc<Slo>>,
        slice: Duration,
    ) -> Result<Self, AccessError> {
        let pace = Pace { slice, interval: backend.interval };
        let https = backend.url.scheme() == "https";
        let caller = Caller::new(&backend.access, backend.timeout, https)?;
        let mut url = backend.url.clone();
        url.set_path(&format!("{}/api/v1/query", url.path().trim_end_matches('/')));
        let asked = |question| Asked { question, due: TimeMs(i64::MIN), alone: false };
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
                for round in futures_util::future::join_all(asking).await {
                    let at = round.at;
                    let Some(answers) = self.note(round) else { continue };
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

    /// Asks some questions at once. One that has no form now is asked later.
    async fn ask(&self, batch: &[usize], clock: &Timeline) -> Round {
        let at = clock.now();
        let asking = |position: &usize| {
            let question = &self.questions.get(*position)?.question;
            Some((*position, question.asking(at)))
        };
        let asked: Vec<_> = batch.iter().filter_map(asking).collect();
        let texts: Vec<&str> =
            asked.iter().filter_map(|(_, asking)| Some(asking.as_ref()?.text.as_str())).collect();
        let seconds = clock.on_the_wall(at).0 as f64 / 1e3;
        let outcome = match texts.is_empty() {
            true => Ok(Vec::new()),
            false => self.request(&texts, seconds).await,
        };
        Round { at, asked, outcome }
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
    fn note(&mut self, round: Round) -> Option<Vec<Answered>> {
        let Round { at, asked, outcome } = round;
        if let (Err(Unanswered::Refused(_)), true) = (&outcome, asked.len() > 1) {
            for (position, _) in asked {
                if let Some(asked) = self.questions.get_mut(position) {
                    asked.alone = true;
                }
            }
            return None;
        }
        let mut answers = Vec::new();
        for (position, asking) in asked {
            let Some(asked) = self.questions.get_mut(position) else { continue };
            asked.due = at + self.interval;
            // Some servers call it the question's fault, too, when a part of theirs is gone.
            asked.alone &= outcome.is_err();
            let Some(Asking { every, worth, .. }) = asking else { continue };
            let value = match &outcome {
                Ok(values) => {
                    asked.due = at + every;
                    Ok(values.get(answers.len()).copied().flatten().map(|value| value * worth))
                }
                Err(error) => Err(error.to_string()),
            };
            let Question { id, window, aspect, .. } = &asked.question;
            let (slo, window, aspect) = (id.clone(), *window, *aspect);
            answers.push(Answered { slo, window, aspect, every, value });
        }
        Some(answers)
    }
}
