//! Holds names and units against OpenTelemetry's rules and Prometheus's, and against each other.

use super::kind::Kind;
use super::parse::Entry;
use crate::faults::Faults;
use plimsoll_model::catalog;
use std::collections::HashMap;
use syn::spanned::Spanned;
use syn::{Attribute, Expr, ExprArray, Lit, LitStr, Meta};

/// Words that a name may not end in: Prometheus adds them, or gives them a meaning.
const ADDED: [&str; 6] = ["total", "created", "info", "bucket", "count", "sum"];

/// Words that say a unit, which is added where Prometheus has one.
const UNITS: [&str; 6] = ["seconds", "milliseconds", "ms", "bytes", "ratio", "percent"];

const GRAMMAR: &str = "words of [a-z0-9] joined by `.` or `_`, beginning with a letter";

/// Checks the prefix; of one that is refused a stand-in is given.
pub(crate) fn prefix(prefix: Option<LitStr>, faults: &mut Faults) -> String {
    const STAND_IN: &str = "service";
    let Some(prefix) = prefix else { return STAND_IN.into() };
    let text = prefix.value();
    let is_ours =
        catalog::ALL.iter().any(|signal| signal.otel_name.split('.').next() == Some(&text));
    if !is_name(&text) {
        faults.push(prefix.span(), format!("a prefix is {GRAMMAR}"));
    } else if is_ours {
        faults.push(
            prefix.span(),
            format!("`{text}` has signals of its own: use your service's name"),
        );
    } else {
        return text;
    }
    STAND_IN.into()
}

/// What a static is written from.
pub(crate) struct Signal {
    /// Its OpenTelemetry name.
    pub(crate) otel_name: String,
    /// Its Prometheus name.
    pub(crate) name: String,
    pub(crate) unit: String,
    pub(crate) help: String,
    pub(crate) edges_ns: Vec<u64>,
}

/// The names that the catalog has given so far.
pub(crate) struct Names {
    prefix: String,
    /// The static that exports a family.
    families: HashMap<String, String>,
}

impl Names {
    pub(crate) fn under(prefix: String) -> Self {
        Self { prefix, families: HashMap::new() }
    }

    /// Checks a static; of what is refused a stand-in is given, so that no fault follows from another.
    pub(crate) fn signal(&mut self, entry: &Entry, faults: &mut Faults) -> Signal {
        let unit = unit(entry, faults);
        let help = help(&entry.attrs);
        if help.is_empty() {
            faults.push(
                entry.ident.span(),
                "a doc comment is missing: its first paragraph is the help of the series",
            );
        }
        if let Some(zero) = entry.given.limit.as_ref().filter(|limit| is_zero(limit)) {
            faults.push(zero.span(), "a limit of 0 lets nothing in: leave it out if there is none");
        }
        let edges_ns = entry.given.edges.as_ref().map(|edges| edges_of(edges, faults));
        let (otel_name, name) = self.names(entry, &unit, faults);
        Signal { otel_name, name, unit, help, edges_ns: edges_ns.unwrap_or_default() }
    }

    fn names(&mut self, entry: &Entry, unit: &str, faults: &mut Faults) -> (String, String) {
        let Some(given) = &entry.given.name else {
            if !entry.given.keys.iter().any(|key| key == "name") {
                faults.push(entry.call.span(), "`name = \"…\"` is missing");
            }
            return Default::default();
        };
        let text = given.value();
        let last = text.rsplit(['.', '_']).next().unwrap_or_default();
        if !is_name(&text) {
            faults.push(given.span(), format!("a name is {GRAMMAR}"));
        } else if ADDED.contains(&last) {
            faults
                .push(given.span(), format!("a name doesn't end in `{last}`: Prometheus adds it"));
        } else if UNITS.contains(&last) {
            faults.push(given.span(), format!("leave `{last}` out: the unit is added to the name"));
        }
        let otel_name = format!("{}.{text}", self.prefix);
        let suffix = prometheus_unit(unit).map(|unit| format!("_{unit}")).unwrap_or_default();
        let name = format!("{}{suffix}", otel_name.replace('.', "_"));
        if let Some(fault) = self.clash(entry, &name) {
            faults.push(given.span(), fault);
        }
        (otel_name, name)
    }

    /// Claims the families of `name`; the first that is taken is the fault.
    fn clash(&mut self, entry: &Entry, name: &str) -> Option<String> {
        let mut clash = None;
        for family in entry.kind.families(name) {
            let fault = if catalog::find_family(&family).is_some() {
                Some(format!("`{family}` is one of Plimsoll's own"))
            } else {
                let this = entry.ident.to_string();
                let other = self.families.insert(family.clone(), this);
                other.map(|other| format!("`{family}` is exported by `{other}` already"))
            };
            clash = clash.or(fault);
        }
        clash
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.split(['.', '_']).all(|word| {
            !word.is_empty()
                && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        })
}

/// Returns the unit's word in a Prometheus name.
fn prometheus_unit(unit: &str) -> Option<&'static str> {
    match unit {
        "s" => Some("seconds"),
        "By" => Some("bytes"),
        "1" => Some("ratio"),
        _ => None,
    }
}

fn unit(entry: &Entry, faults: &mut Faults) -> String {
    let (allowed, expected): (&[&str], &str) = match entry.kind {
        Kind::Duration => return "s".into(),
        Kind::Level => (&[], "a level counts things: `{request}`"),
        Kind::Counter => (&["By"], "a counter counts things, `{request}`, or bytes, `By`"),
        Kind::Gauge => (
            &["By", "s", "1"],
            "a gauge's unit is a base unit, `s`, `By` or `1` for a ratio, or a thing, `{item}`",
        ),
    };
    let Some(given) = &entry.given.unit else {
        if !entry.given.keys.iter().any(|key| key == "unit") {
            faults.push(entry.call.span(), format!("`unit = \"…\"` is missing: {expected}"));
        }
        return "{thing}".into();
    };
    let text = given.value();
    if !allowed.contains(&text.as_str()) && !is_annotation(&text) {
        faults.push(given.span(), expected);
    }
    text
}

/// Recognises UCUM's annotation of a pure number, `{request}`.
fn is_annotation(unit: &str) -> bool {
    unit.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).is_some_and(|thing| {
        !thing.is_empty() && thing.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    })
}

/// Returns the first paragraph of the doc comment on one line.
fn help(attrs: &[Attribute]) -> String {
    let lines = attrs.iter().filter_map(|attr| match &attr.meta {
        Meta::NameValue(doc) if doc.path.is_ident("doc") => match &doc.value {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(text) => Some(text.value().trim().to_owned()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    });
    let paragraph: Vec<String> =
        lines.skip_while(String::is_empty).take_while(|line| !line.is_empty()).collect();
    paragraph.join(" ")
}

fn edges_of(edges: &ExprArray, faults: &mut Faults) -> Vec<u64> {
    let mut found = Vec::new();
    for edge in &edges.elems {
        match edge_ns(edge) {
            Some(ns) if found.last().is_some_and(|last| *last >= ns) => {
                faults.push(edge.span(), "the edges must ascend");
            }
            Some(ns) => found.push(ns),
            None => faults.push(edge.span(), "expected a duration, as `5ms`: ns, us, ms or s"),
        }
    }
    found
}

fn edge_ns(edge: &Expr) -> Option<u64> {
    let Expr::Lit(literal) = edge else { return None };
    let Lit::Int(number) = &literal.lit else { return None };
    let unit_ns = match number.suffix() {
        "ns" => 1,
        "us" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        _ => return None,
    };
    number.base10_digits().parse::<u64>().ok()?.checked_mul(unit_ns).filter(|ns| *ns > 0)
}

fn is_zero(limit: &Expr) -> bool {
    let Expr::Lit(literal) = limit else { return false };
    matches!(&literal.lit, Lit::Int(number) if number.base10_digits() == "0")
}
