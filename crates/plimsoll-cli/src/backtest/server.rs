use super::{NamedSlos, STEP_DEFAULT};
use crate::progress::Progress;
use crate::prometheus::Server;
use anyhow::bail;
use plimsoll_backtest::{Outcome, Recording, RecordingError, Replay, Run};
use plimsoll_model::TimeMs;
use plimsoll_slo::{Slo, Span};
use std::sync::Arc;
use std::time::Duration;

/// What is replayed of a server.
pub(crate) struct Asked<'a> {
    pub(crate) url: &'a str,
    pub(crate) span: Span,
    /// The server's own, if none is given.
    pub(crate) step: Option<Duration>,
}

impl Asked<'_> {
    /// Replays what the server holds, a stride at a time, so that a month needs no more memory than a
    /// day.
    pub(crate) async fn replay(&self, sets: &[NamedSlos]) -> anyhow::Result<Vec<Outcome>> {
        let Span { start, end } = self.span;
        if start >= end {
            bail!("--from isn't before --to: the range is empty");
        }
        let slos: Vec<Arc<Slo>> = sets.iter().flat_map(|(_, slos)| slos.iter().cloned()).collect();
        let mut server = Server::new(self.url, &slos)?;
        let bar = Progress::new(&format!("replaying {}", self.url), self.span);
        let (mut recording, mut runs, mut at) = (Recording::default(), Vec::new(), start);
        while at < end {
            recording.clear();
            at = server.read(&mut recording, at, end).await?;
            if let (true, Ok((first, _))) = (runs.is_empty(), recording.span()) {
                runs = self.begin(sets, &recording, first)?;
            }
            runs.iter_mut().for_each(|run| run.play(&recording, |_| true));
            bar.set(at);
        }
        bar.clear();
        for selector in server.not_found() {
            eprintln!("warning: {selector}: no such series in that range");
        }
        if runs.is_empty() {
            return Err(RecordingError::Empty.into());
        }
        let names = recording.names();
        runs.into_iter().map(|run| Ok(run.finish(&names)?)).collect()
    }

    fn begin(
        &self,
        sets: &[NamedSlos],
        recording: &Recording,
        first: TimeMs,
    ) -> anyhow::Result<Vec<Run>> {
        let step = self.step.or_else(|| recording.interval()).unwrap_or(STEP_DEFAULT);
        let begin = |(name, slos): &NamedSlos| {
            let replay = Replay { name: name.clone(), slos: slos.clone(), step };
            Ok(replay.begin(first, self.span.end)?)
        };
        sets.iter().map(begin).collect()
    }

    /// Reads some stretches once more.
    pub(crate) async fn read(
        &self,
        slos: &[Arc<Slo>],
        stretches: &[Span],
    ) -> anyhow::Result<Recording> {
        let mut server = Server::new(self.url, slos)?;
        let mut recording = Recording::default();
        for Span { start, end } in stretches {
            let mut at = *start;
            while at < *end {
                at = server.read(&mut recording, at, *end).await?;
            }
        }
        Ok(recording)
    }
}
