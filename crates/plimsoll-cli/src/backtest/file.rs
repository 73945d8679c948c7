use anyhow::Context;
use plimsoll_backtest::Recording;
use plimsoll_exposition::decode::recorded;
use plimsoll_model::TimeMs;
use std::path::Path;

/// Reads a file of samples that have times.
pub(crate) fn read(path: &Path) -> anyhow::Result<Recording> {
    let name = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("{name} can't be read"))?;
    let (mut recording, mut refused) = (Recording::default(), None);
    recorded(&text, |key, value, at_ms| {
        if let Err(error) = recording.add(key, TimeMs(at_ms), value) {
            refused = Some(error);
        }
    })
    .map_err(|error| anyhow::anyhow!("{name}: {error}"))?;
    refused.map_or(Ok(()), Err)?;
    recording.span().with_context(|| format!("{name} holds nothing"))?;
    Ok(recording)
}
