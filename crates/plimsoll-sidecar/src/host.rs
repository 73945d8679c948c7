//! The machine as a whole: processors, load, memory.

use crate::blocking::{Blocking, BlockingCollector};
use crate::config::interval;
use crate::reading::labelled;
use crate::{Collector, Reading, Reason, World, process};
use plimsoll_model::{Labels, catalog};
use plimsoll_spec::{MapShape, Shape, optional};
use serde::Deserialize;
use std::path::PathBuf;
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, System};

pub(crate) static SHAPE: MapShape = MapShape {
    keys: &[
        optional("label", Shape::TEXT),
        optional("interval", Shape::Text(interval)),
        optional("deadline", Shape::Text(interval)),
    ],
    check: None,
};

/// The machine as a whole. There is nothing to choose.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct HostConfig {}

impl HostConfig {
    pub(crate) fn name(&self) -> String {
        "host".into()
    }

    pub(crate) fn build(self, world: &World) -> Result<Box<dyn Collector>, Reason> {
        let system = System::new().map_err(Reason::new)?;
        Ok(Box::new(Blocking::new(Host { system, proc_root: world.proc_root.clone() })))
    }
}

struct Host {
    system: System,
    proc_root: PathBuf,
}

impl BlockingCollector for Host {
    fn look(&mut self) -> Result<Reading, Reason> {
        let system = &mut self.system;
        system.refresh_memory_specifics(MemoryRefreshKind::everything());
        system.refresh_cpu_specifics(CpuRefreshKind::nothing().with_usage());
        let mut reading = Reading::default();
        let none = Labels::default();
        reading.gauge(&catalog::HOST_CPUS, &none, system.cpus().len() as f64);
        let load = System::load_average().map_err(Reason::new)?;
        for (minutes, value) in [("1", load.one), ("5", load.five), ("15", load.fifteen)] {
            let labels = labelled([("minutes", minutes)]);
            reading.gauge(&catalog::HOST_LOAD_AVERAGE, &labels, value);
        }
        for (state, bytes) in [
            ("total", system.total_memory()),
            ("available", system.available_memory()),
            ("swap_total", system.total_swap()),
            ("swap_free", system.free_swap()),
        ] {
            reading.gauge(&catalog::HOST_MEMORY, &labelled([("state", state)]), bytes as f64);
        }
        // The first look has nothing to compare with.
        let usage = system.global_cpu_usage();
        reading.gauge(&catalog::HOST_CPU_BUSY, &none, f64::from(usage) / 100.0);
        process::write_pressure(&self.proc_root, &mut reading);
        Ok(reading)
    }
}
