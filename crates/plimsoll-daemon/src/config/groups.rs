//! Files of target groups, as Prometheus's file discovery takes them.

use super::raw::RawStatic;
use super::shape::GROUPS;
use super::valid::TargetGroup;
use plimsoll_spec::Document;
use std::path::Path;

/// A file of target groups may have so many bytes.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// The label that tells relabelling where a target stood.
const FILE_LABEL: &str = "__meta_filepath";

/// Reads one file: a list of mappings with `targets` and `labels`, as JSON or YAML.
///
/// # Errors
/// Its first fault, in one line.
pub(crate) fn read_groups(file: &Path) -> Result<Vec<TargetGroup>, String> {
    let name = file.display().to_string();
    let unread = |error: std::io::Error| format!("{name}: can't be read: {error}");
    if std::fs::metadata(file).map_err(unread)?.len() > FILE_BYTES_MAX {
        return Err(format!("{name}: is larger than {FILE_BYTES_MAX} bytes"));
    }
    let text = std::fs::read_to_string(file).map_err(unread)?;
    // An empty list is how a JSON or YAML file says that there is no target.
    let groups = if name.ends_with(".json") {
        serde_json::from_str(&text).map_err(|error| format!("{name}: {error}"))?
    } else {
        read_yaml(&name, &text)?
    };
    Ok(groups.into_iter().map(|group| valid(group, &name)).collect())
}

fn read_yaml(name: &str, text: &str) -> Result<Vec<RawStatic>, String> {
    let read = Document::parse(name, text).and_then(|document| document.read(&GROUPS));
    read.map_err(|faults| faults.first().map(ToString::to_string).unwrap_or_default())
}

fn valid(raw: RawStatic, file: &str) -> TargetGroup {
    let mut labels = raw.labels;
    labels.insert(FILE_LABEL.into(), file.into());
    TargetGroup { targets: raw.targets, labels }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, text: &str) -> Result<Vec<TargetGroup>, String> {
        let folder = std::env::temp_dir().join(format!("plimsoll-groups-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a directory");
        let file = folder.join(name);
        std::fs::write(&file, text).expect("written");
        let shown = format!("{}/", folder.display());
        read_groups(&file).map_err(|error| error.replace(&shown, ""))
    }

    #[test]
    fn json_and_yaml_say_the_same() {
        let yaml = read("a.yml", "- targets: ['a:1', 'b:2']\n  labels: {zone: x}\n").expect("YAML");
        let json = r#"[{"targets": ["a:1", "b:2"], "labels": {"zone": "x"}}]"#;
        let json = read("a.json", json).expect("JSON");
        for (groups, file) in [(&yaml, "a.yml"), (&json, "a.json")] {
            assert_eq!(groups[0].targets, ["a:1", "b:2"]);
            assert_eq!(groups[0].labels["zone"], "x");
            assert!(groups[0].labels[FILE_LABEL].ends_with(file));
        }
        assert_eq!(read("none.json", "[]"), Ok(vec![]));
    }

    #[test]
    fn a_file_that_is_wrong_is_one_clear_line() {
        for (name, text, said) in [
            ("b.yml", "- target: [a]\n", "b.yml:1:3: [0].target: (list of 1): unknown key"),
            ("c.yml", "targets: [a]\n", "c.yml:1:1: (document): {targets}: must be a list"),
            ("d.json", "[{\"targets\": 1}]", "d.json: invalid type: integer"),
            ("e.json", "[{\"targets\": []", "e.json: EOF while parsing"),
        ] {
            let error = read(name, text).expect_err("wrong");
            assert!(error.starts_with(said), "{error}");
        }
    }
}
