use plimsoll_model::{LevelPart, Selector};
use plimsoll_slo::{EventsPart, LevelBound, Sli, Slo};

/// Returns the series that an SLO reads; none for one that reads no counters of its own.
pub fn selectors(slo: &Slo) -> Vec<Selector> {
    let suffixed =
        |selector: &Selector, suffix: &str| selector.renamed(format!("{}{suffix}", selector.name));
    match &slo.sli {
        Sli::Events { total, part: EventsPart::Good(named) | EventsPart::Bad(named), unknown } => {
            let unknown = unknown.iter().flat_map(|sum| &sum.0);
            let terms = total.0.iter().chain(&named.0).chain(unknown);
            terms.map(|term| term.selector.clone()).collect()
        }
        Sli::Within { histogram, .. } => vec![suffixed(histogram, "_bucket")],
        Sli::Level { signal, bound: LevelBound::BelowLimit } => {
            vec![suffixed(signal, &format!("{}_total", LevelPart::Saturated.suffix()))]
        }
        Sli::Level { signal, bound: LevelBound::AtMost(_) } => {
            vec![suffixed(signal, &format!("{}_bucket", LevelPart::TimeWeighted.suffix()))]
        }
        Sli::Lag { signal, .. } | Sli::Up { signal } => vec![signal.clone()],
        Sli::Composite(_) | Sli::Query { .. } => Vec::new(),
    }
}
