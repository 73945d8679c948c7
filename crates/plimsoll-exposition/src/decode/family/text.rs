use super::Needs;
use crate::decode::error::Fault;
use crate::decode::line::{Bounds, Kind, Part};
use hashbrown::HashMap;

/// Prometheus text: at most one HELP and one TYPE per family, and the TYPE before its samples.
#[derive(Default)]
pub(in crate::decode) struct Families {
    known: HashMap<Box<str>, Known>,
    /// The name of the last sample: most samples have the name of the one before.
    last: String,
    last_needs: Needs,
}

#[derive(Default)]
struct Known {
    help: bool,
    kind: Option<Kind>,
    sampled: bool,
}

impl Families {
    pub(super) fn describe(&mut self, family: &str, part: Part) -> Result<(), Fault> {
        // What the last sample needed may change with this line.
        self.last.clear();
        let known = self.known.entry(family.into()).or_default();
        match part {
            Part::Help if known.help => return Err(Fault::HelpTwice),
            Part::Help => known.help = true,
            Part::Type(_) if known.kind.is_some() => return Err(Fault::TypeTwice),
            Part::Type(_) if known.sampled => return Err(Fault::MetadataLate),
            Part::Type(kind) => known.kind = Some(kind),
            Part::Unit => {}
        }
        Ok(())
    }

    pub(super) fn sample(&mut self, name: &str, bounds: Bounds) -> Result<(), Fault> {
        if self.last != name {
            self.last_needs = self.needs_of(name);
            self.last.clear();
            self.last.push_str(name);
            match self.known.get_mut(name) {
                Some(known) => known.sampled = true,
                None => {
                    self.known.insert(name.into(), Known { sampled: true, ..Known::default() });
                }
            }
        }
        self.last_needs.check(bounds)
    }

    fn needs_of(&self, name: &str) -> Needs {
        let kind_of = |family: &str| self.known.get(family).and_then(|known| known.kind);
        if kind_of(name) == Some(Kind::Summary) {
            return Needs::Quantile;
        }
        match name.strip_suffix("_bucket").and_then(kind_of) {
            Some(Kind::Histogram) => Needs::Le,
            _ => Needs::Nothing,
        }
    }
}
