//! What a metric and its attributes of OpenTelemetry are called in Prometheus, by the rules of the
//! OpenTelemetry specification (compatibility with Prometheus), as Prometheus's own receiver
//! applies them.

/// Units by their symbol.
const UNITS: [(&str, &str); 30] = [
    ("d", "days"),
    ("h", "hours"),
    ("min", "minutes"),
    ("s", "seconds"),
    ("ms", "milliseconds"),
    ("us", "microseconds"),
    ("ns", "nanoseconds"),
    ("By", "bytes"),
    ("KiBy", "kibibytes"),
    ("MiBy", "mebibytes"),
    ("GiBy", "gibibytes"),
    ("TiBy", "tibibytes"),
    ("KBy", "kilobytes"),
    ("MBy", "megabytes"),
    ("GBy", "gigabytes"),
    ("TBy", "terabytes"),
    ("m", "meters"),
    ("V", "volts"),
    ("A", "amperes"),
    ("J", "joules"),
    ("W", "watts"),
    ("g", "grams"),
    ("Cel", "celsius"),
    ("Hz", "hertz"),
    ("1", ""),
    ("%", "percent"),
    ("KBi", "kibibytes"),
    ("MBi", "mebibytes"),
    ("GBi", "gibibytes"),
    ("KHz", "kilohertz"),
];

/// Units that others are counted by.
const PER: [(&str, &str); 7] = [
    ("s", "second"),
    ("m", "minute"),
    ("h", "hour"),
    ("d", "day"),
    ("w", "week"),
    ("mo", "month"),
    ("y", "year"),
];

/// What a metric is, as far as its name depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Counter,
    Gauge,
    Histogram,
}

/// Returns the metric's name, without the suffixes of a histogram's series.
pub(super) fn metric_name(name: &str, unit: &str, form: Form) -> String {
    let is_word = |character: char| character.is_ascii_alphanumeric() || character == ':';
    let mut words: Vec<String> = name
        .split(|character| !is_word(character))
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    let unit = unit.trim();
    let (main, per) = unit.split_once('/').map_or((unit, ""), |(main, per)| (main, per));
    let main = named(main, &UNITS);
    if !main.is_empty() && !words.contains(&main) {
        words.push(main);
    }
    let per = named(per, &PER);
    if !per.is_empty() && !words.contains(&per) {
        words.extend(["per".to_owned(), per]);
    }
    let last = match form {
        Form::Counter => "total",
        Form::Gauge if unit == "1" => "ratio",
        Form::Gauge | Form::Histogram => "",
    };
    if !last.is_empty() {
        words.retain(|word| word != last);
        words.push(last.to_owned());
    }
    let name = words.join("_");
    if name.starts_with(|first: char| first.is_ascii_digit()) { format!("_{name}") } else { name }
}

/// A unit in braces says what is counted, which is no unit; an unknown one stands for itself.
fn named(symbol: &str, known: &[(&str, &str)]) -> String {
    let symbol = symbol.trim();
    if symbol.contains(['{', '}']) {
        return String::new();
    }
    let found = known.iter().find(|(other, _)| *other == symbol);
    let name = found.map_or(symbol, |(_, name)| *name);
    name.chars()
        .filter(|character| character.is_ascii_alphanumeric() || *character == '_')
        .collect()
}

/// Returns the name of a label.
pub(super) fn label_name(name: &str) -> String {
    let fits = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let plain: String =
        name.chars().map(|character| if fits(character) { character } else { '_' }).collect();
    match plain.chars().next() {
        Some(first) if first.is_ascii_digit() => format!("key_{plain}"),
        _ => plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_prometheus_s_own_receiver() {
        for (name, unit, form, expected) in [
            (
                "http.server.request.duration",
                "s",
                Form::Histogram,
                "http_server_request_duration_seconds",
            ),
            ("http.requests", "{request}", Form::Counter, "http_requests_total"),
            ("requests_total", "1", Form::Counter, "requests_total"),
            ("system.cpu.utilization", "1", Form::Gauge, "system_cpu_utilization_ratio"),
            ("system.network.io", "By", Form::Counter, "system_network_io_bytes_total"),
            ("rate", "m/s", Form::Gauge, "rate_meters_per_second"),
            ("latency_seconds", "s", Form::Gauge, "latency_seconds"),
            ("2xx", "", Form::Gauge, "_2xx"),
        ] {
            assert_eq!(metric_name(name, unit, form), expected);
        }
        assert_eq!(label_name("http.status_code"), "http_status_code");
        assert_eq!(label_name("0day"), "key_0day");
    }
}
