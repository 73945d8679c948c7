use std::time::Duration;

const UNITS: [(u128, &str); 5] =
    [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")];

/// Writes a length of time as Prometheus does, `1h30m`, `500ms`, `30d`; days are the largest unit
/// and what is below a millisecond is left out.
pub fn length_name(length: Duration) -> String {
    let mut rest = length.as_millis();
    if rest == 0 {
        return "0s".into();
    }
    let mut name = String::new();
    for (size, unit) in UNITS {
        let count = rest / size;
        rest %= size;
        if count > 0 {
            name.push_str(&format!("{count}{unit}"));
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_written_as_prometheus_does() {
        for (ms, name) in [
            (0, "0s"),
            (417, "417ms"),
            (2_500, "2s500ms"),
            (300_000, "5m"),
            (5_400_000, "1h30m"),
            (2_592_000_000, "30d"),
        ] {
            assert_eq!(length_name(Duration::from_millis(ms)), name);
        }
    }
}
