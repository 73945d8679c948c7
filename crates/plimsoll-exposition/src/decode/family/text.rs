use super::{Needs, Role};
use crate::decode::error::Fault;
use crate::decode::line::{Kind, Part};
use hashbrown::HashMap;

/// Prometheus text: at most one HELP and one TYPE per family, and the TYPE before its samples.
#[derive(Default)]
pub(in crate::decode) struct Families<'b>(HashMap<&'b str, Known>);

#[derive(Default)]
struct Known {
    help: bool,
    kind: Option<Kind>,
    sampled: bool,
}

impl<'b> Families<'b> {
    pub(super) fn describe(&mut self, family: &'b str, part: Part) -> Result<(), Fault> {
        let known = self.0.entry(family).or_default();
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

    pub(super) fn sample(&mut self, name: &'b str) -> Role {
        self.0.entry(name).or_default().sampled = true;
        Role { needs: self.needs_of(name), exemplar: false }
    }

    fn needs_of(&self, name: &str) -> Needs {
        let kind_of = |family: &str| self.0.get(family).and_then(|known| known.kind);
        if kind_of(name) == Some(Kind::Summary) {
            return Needs::Quantile;
        }
        match name.strip_suffix("_bucket").and_then(kind_of) {
            Some(Kind::Histogram) => Needs::Le,
            _ => Needs::Nothing,
        }
    }
}
