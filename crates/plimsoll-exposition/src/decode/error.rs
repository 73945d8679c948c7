use thiserror::Error;

/// Why a body was refused as a whole, and where.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("line {line}, column {column}: {what}")]
pub struct DecodeError {
    /// The line, from 1.
    pub line: usize,
    /// The byte within the line, from 1.
    pub column: usize,
    /// What is wrong there.
    pub what: Fault,
}

/// What is wrong at a place of a body.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The body stops within a line.
    #[error("the body ends within a line: it was cut off, or the last line feed is missing")]
    CutOff,
    /// A body that is longer than offsets within it can say.
    #[error("the body is longer than 4 GiB: let the target expose less")]
    TooLong,
    /// Bytes that aren't UTF-8.
    #[error("not UTF-8: the body isn't metrics text")]
    Utf8,
    /// No metric name where one must be.
    #[error("expected a metric name, [a-zA-Z_:][a-zA-Z0-9_:]*")]
    MetricName,
    /// Nothing between the name and what follows.
    #[error("expected a blank or `{{` after the metric name")]
    NameEnd,
    /// No label name where one must be.
    #[error("expected a label name, [a-zA-Z_][a-zA-Z0-9_]*")]
    LabelName,
    /// `__name__` as a label.
    #[error("the label `__name__` is reserved for the metric name")]
    LabelReserved,
    /// One label name twice.
    #[error("the label stands twice in one label set")]
    LabelTwice,
    /// No `=` after a label name.
    #[error("expected `=` after the label name")]
    Equals,
    /// A label value that isn't quoted.
    #[error("expected `\"` before the label value")]
    QuoteMissing,
    /// A label value without an end.
    #[error("the label value has no closing `\"`")]
    QuoteOpen,
    /// An escape that the format doesn't have.
    #[error("unknown escape: only `\\\\`, `\\\"` and `\\n` exist, and in HELP no `\\\"`")]
    Escape,
    /// Neither the next label nor the end of them.
    #[error("expected `,` or `}}` after the label value")]
    LabelEnd,
    /// Not one space between two parts of an OpenMetrics line.
    #[error("expected one space here")]
    Space,
    /// A value that isn't a number.
    #[error("expected a number: a decimal, NaN, +Inf or -Inf")]
    Number,
    /// A timestamp that isn't one.
    #[error("expected a timestamp: whole milliseconds in Prometheus text, seconds in OpenMetrics")]
    Timestamp,
    /// More on the line than belongs there.
    #[error("unexpected text after the sample")]
    Trailing,
    /// A metric type that the format doesn't have.
    #[error("unknown metric type")]
    Type,
    /// A second `# HELP` of one family.
    #[error("a second HELP for this family")]
    HelpTwice,
    /// A second `# TYPE` of one family.
    #[error("a second TYPE for this family")]
    TypeTwice,
    /// A second `# UNIT` of one family.
    #[error("a second UNIT for this family")]
    UnitTwice,
    /// A family whose name doesn't end in its unit.
    #[error("the family's name doesn't end in this unit")]
    UnitName,
    /// Metadata after the family's samples.
    #[error("this line must come before the family's samples")]
    MetadataLate,
    /// A bucket without `le`, or a quantile without `quantile`.
    #[error("this sample needs the label `le` (a bucket) or `quantile` (a summary) with a number")]
    Bound,
    /// A sample whose suffix isn't one of its family's type.
    #[error("a sample of this type needs a suffix, as `_total` of a counter")]
    Suffix,
    /// A family whose lines don't stand together.
    #[error("the lines of this family don't stand together")]
    FamilySplit,
    /// A comment that OpenMetrics doesn't have.
    #[error("OpenMetrics has no comments: only `# HELP`, `# TYPE`, `# UNIT` and `# EOF`")]
    Comment,
    /// An empty line in OpenMetrics.
    #[error("OpenMetrics has no empty lines")]
    EmptyLine,
    /// An exemplar where none may be.
    #[error("an exemplar stands only on `_total` of a counter or `_bucket` of a histogram")]
    ExemplarPlace,
    /// An exemplar that isn't one.
    #[error("expected an exemplar, as ` # {{trace_id=\"…\"}} 0.5`")]
    Exemplar,
    /// An exemplar that is too long.
    #[error("the labels of an exemplar are longer than 128 characters")]
    ExemplarLength,
    /// No `# EOF`.
    #[error("`# EOF` is missing: the body was cut off")]
    EofMissing,
    /// More after `# EOF`.
    #[error("unexpected text after `# EOF`")]
    AfterEof,
}

/// A fault at a byte of a line, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Misfit {
    pub(super) at: usize,
    pub(super) what: Fault,
}
