//! Times that don't count.

use super::raw::RawExclusion;
use super::scalar::LocalTime;
use crate::{Faults, View};
use chrono::TimeZone;
use plimsoll_slo::{Exclusion, Recurrence, RecurrenceError, Zone};

/// Holds a rule of recurrence against the start and the zone beside it.
pub(super) fn check(view: &View<'_>, faults: &mut Faults) {
    let text = |key: &str| view.get(key).and_then(|below| below.text());
    let start = text("start").and_then(|text| text.parse::<LocalTime>().ok());
    let zone = text("timezone").map_or(Some(Zone::UTC), |text| text.parse().ok());
    let (Some(LocalTime(start)), Some(zone)) = (start, zone) else { return };
    let Some(rule) = view.get("rrule") else {
        if zone.rules().from_local_datetime(&start).earliest().is_none() {
            let at = view.get("start");
            at.iter().for_each(|at| faults.add(at, RecurrenceError::Start(zone.name())));
        }
        return;
    };
    if let Some(text) = rule.text().filter(|text| !text.is_empty())
        && let Err(error) = Recurrence::new(text, start, zone)
    {
        faults.add(&rule, error);
    }
}

/// Puts an exclusion together.
pub(super) fn exclusion(raw: &RawExclusion) -> Result<Exclusion, RecurrenceError> {
    let (start, zone) = (raw.start.0.0, raw.timezone.as_ref().map_or(Zone::UTC, |zone| zone.0));
    let recurrence =
        raw.rrule.as_deref().map(|rule| Recurrence::new(rule, start, zone)).transpose()?;
    Ok(Exclusion {
        reason: raw.reason.clone(),
        start,
        recurrence,
        duration: raw.duration.0.0,
        zone,
    })
}
