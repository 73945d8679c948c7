use opentelemetry::trace::TraceContextExt;
use plimsoll_model::TraceContext;
use plimsoll_record::exemplar;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Gives histograms exemplars: the trace of the slowest that each instrument saw between two merges,
/// and of one that was in flight at a level's peak. Call it once, when the subscriber is set.
///
/// The trace is that of the span which is current where something ends; one that isn't sampled gives
/// none. A level's is on its time-weighted histogram, on the bucket of the peak.
///
/// # Cost
/// A load and a comparison where it is recorded; the span is asked for a few times a second.
pub fn exemplars() {
    exemplar::trace_by(current);
}

fn current() -> Option<TraceContext> {
    let context = tracing::Span::current().context();
    let span = context.span();
    let span = span.span_context();
    (span.is_valid() && span.is_sampled()).then(|| TraceContext {
        trace_id: span.trace_id().to_bytes(),
        span_id: span.span_id().to_bytes(),
    })
}
