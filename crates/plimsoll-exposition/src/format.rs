/// A text format of metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// Prometheus text 0.0.4, which every scraper reads.
    #[default]
    Text,
    /// OpenMetrics 1.0, which ends in `# EOF`, so that half a body is told from a whole one.
    OpenMetrics,
}

impl Format {
    /// Returns the value of `Content-Type` that says this format.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// Returns the format that a `Content-Type` says, or `None` when it is neither of them.
    ///
    /// `text/plain` without a version is Prometheus text, as scrapers have always read it.
    pub fn of_content_type(content_type: &str) -> Option<Self> {
        let (media_type, parameters) = split_parameters(content_type);
        Self::of_media_type(media_type, parameters)
    }

    fn of_media_type(media_type: &str, parameters: &str) -> Option<Self> {
        let version = parameter(parameters, "version");
        if media_type.eq_ignore_ascii_case("text/plain") {
            return matches!(version, None | Some("0.0.4")).then_some(Self::Text);
        }
        if media_type.eq_ignore_ascii_case("application/openmetrics-text") {
            return matches!(version, None | Some("1.0.0" | "0.0.1")).then_some(Self::OpenMetrics);
        }
        None
    }
}

/// Chooses the format that an `Accept` header prefers; Prometheus text when it says nothing.
///
/// Between equal weights the earlier range wins; a wildcard means Prometheus text. An `Accept`
/// that names neither format also gets Prometheus text, as Prometheus's own clients do, since a
/// person with a browser is better served by text than by `406`.
pub fn negotiate(accept: Option<&str>) -> Format {
    preferred(accept, Format::of_media_type).unwrap_or_default()
}

/// A format that can be written, though not every one can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// A text format.
    Text(Format),
    /// Prometheus protobuf, length-delimited: the only one that has words for native histograms.
    Protobuf,
}

impl Encoding {
    /// Chooses what an `Accept` header prefers, as [`negotiate`] does.
    pub fn negotiate(accept: Option<&str>) -> Self {
        preferred(accept, Self::of_media_type).unwrap_or(Self::Text(Format::Text))
    }

    /// Returns the value of `Content-Type` that says this encoding.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Text(format) => format.content_type(),
            Self::Protobuf => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; \
                 encoding=delimited"
            }
        }
    }

    fn of_media_type(media_type: &str, parameters: &str) -> Option<Self> {
        if media_type.eq_ignore_ascii_case("application/vnd.google.protobuf") {
            let is_ours = parameter(parameters, "proto")
                == Some("io.prometheus.client.MetricFamily")
                && parameter(parameters, "encoding") == Some("delimited");
            return is_ours.then_some(Self::Protobuf);
        }
        Format::of_media_type(media_type, parameters).map(Self::Text)
    }
}

impl From<Format> for Encoding {
    fn from(format: Format) -> Self {
        Self::Text(format)
    }
}

/// Returns what the heaviest range of an `Accept` header names, the earliest among equals; none when
/// that is a wildcard or nothing that is known.
fn preferred<T>(accept: Option<&str>, of: impl Fn(&str, &str) -> Option<T>) -> Option<T> {
    let (mut best, mut heaviest) = (None, 0);
    for range in accept.unwrap_or_default().split(',') {
        let (media_type, parameters) = split_parameters(range);
        let known = match media_type {
            "*/*" | "text/*" => Some(None),
            _ => of(media_type, parameters).map(Some),
        };
        let weight = parameter(parameters, "q").map_or(1000, per_mille);
        if let Some(known) = known.filter(|_| weight > heaviest) {
            (best, heaviest) = (known, weight);
        }
    }
    best
}

fn split_parameters(value: &str) -> (&str, &str) {
    let (head, parameters) = value.split_once(';').unwrap_or((value, ""));
    (head.trim(), parameters)
}

fn parameter<'a>(parameters: &'a str, name: &str) -> Option<&'a str> {
    parameters
        .split(';')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| key.trim().eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim().trim_matches('"'))
}

/// Reads a weight of RFC 9110 §12.4.2; one that can't be read counts as not wanted.
fn per_mille(weight: &str) -> u32 {
    match weight.parse::<f64>() {
        Ok(weight) if (0.0..=1.0).contains(&weight) => (weight * 1000.0) as u32,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_wish_it_is_prometheus_text() {
        for accept in [None, Some(""), Some("*/*"), Some("text/html"), Some(";;,=")] {
            assert_eq!(negotiate(accept), Format::Text, "{accept:?}");
        }
    }

    #[test]
    fn the_headers_of_real_scrapers_are_understood() {
        let prometheus_2_42 = "application/openmetrics-text;version=1.0.0,\
            application/openmetrics-text;version=0.0.1;q=0.75,\
            text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        assert_eq!(negotiate(Some(prometheus_2_42)), Format::OpenMetrics);
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        assert_eq!(negotiate(Some(browser)), Format::Text);
        let text_first = "text/plain;version=0.0.4;q=0.9, application/openmetrics-text;q=0.3";
        assert_eq!(negotiate(Some(text_first)), Format::Text);
        assert_eq!(negotiate(Some("application/openmetrics-text;version=2.0.0")), Format::Text);
        assert_eq!(negotiate(Some("application/openmetrics-text;q=0")), Format::Text);
    }

    #[test]
    fn protobuf_is_for_those_who_ask_for_the_whole_of_it() {
        let prometheus_3 = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;\
            encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;\
            q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        assert_eq!(Encoding::negotiate(Some(prometheus_3)), Encoding::Protobuf);
        assert_eq!(negotiate(Some(prometheus_3)), Format::OpenMetrics);
        let text = Encoding::Text(Format::Text);
        for other in [
            "application/vnd.google.protobuf",
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text",
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;\
             encoding=delimited;q=0.1,text/plain",
        ] {
            assert_eq!(Encoding::negotiate(Some(other)), text, "{other}");
        }
        assert_eq!(Encoding::negotiate(None), text);
    }

    #[test]
    fn a_content_type_names_its_format() {
        for format in [Format::Text, Format::OpenMetrics] {
            assert_eq!(Format::of_content_type(format.content_type()), Some(format));
        }
        assert_eq!(Format::of_content_type("Text/Plain"), Some(Format::Text));
        assert_eq!(Format::of_content_type("text/html; charset=utf-8"), None);
        assert_eq!(Format::of_content_type("text/plain; version=1.0.0"), None);
        assert_eq!(Format::of_content_type(""), None);
    }
}
