//! The machine as a whole: processors, load, memory.

use crate::blocking::{Blocking, BlockingCollector};
use crate::config::{DEADLINE, INTERVAL, LABEL};
use crate::kind::CollectorKind;
use crate::reading::labelled;
use crate::{Collector, CollectorConfig, Flag, Pace, Reading, Reason, World, process};
use plimsoll_model::{Labels, catalog};
use plimsoll_spec::MapShape;
use serde::Deserialize;
use std::path::PathBuf;
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, System};

static SHAPE: MapShape = MapShape { keys: &[LABEL, INTERVAL, DEADLINE], check: None };

/// The machine as a whole. There is nothing to choose.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct HostConfig {}

impl CollectorKind for HostConfig {
    const SHAPE: &'static MapShape = &SHAPE;
    const PACE: Pace = Pace::EACH_SECOND;
    const FLAGS: &'static [Flag] = &[Flag {
        name: "host",
        value: None,
        help: "The machine as a whole: processors, load, memory",
        read: |_| Ok(CollectorConfig::Host(Self::default())),
    }];

    fn target(&self) -> String {
        String::new()
    }

    fn build(self, world: &World) -> Result<Box<dyn Collector>, Reason> {
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
