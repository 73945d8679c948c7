use std::fmt;

/// Where in which trace something happened, as W3C Trace Context numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceContext {
    /// The trace's id, big-endian.
    pub trace_id: [u8; 16],
    /// The span's id, big-endian.
    pub span_id: [u8; 8],
}

/// One observation, and the trace that it was made in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exemplar {
    /// What was observed, in its family's unit.
    pub value: f64,
    /// When, in nanoseconds since the Unix epoch.
    pub unix_ns: u64,
    /// In which trace.
    pub trace: TraceContext,
}

impl TraceContext {
    /// Returns the trace's id as 32 lower-case hexadecimal digits.
    pub fn trace_id_text(&self) -> String {
        Hex(&self.trace_id).to_string()
    }

    /// Returns the span's id as 16 lower-case hexadecimal digits.
    pub fn span_id_text(&self) -> String {
        Hex(&self.span_id).to_string()
    }
}

struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_written_as_trace_context_writes_them() {
        let trace = TraceContext {
            trace_id: 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c_u128.to_be_bytes(),
            span_id: 0x00f0_67aa_0ba9_02b7_u64.to_be_bytes(),
        };
        assert_eq!(trace.trace_id_text(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(trace.span_id_text(), "00f067aa0ba902b7");
    }
}
