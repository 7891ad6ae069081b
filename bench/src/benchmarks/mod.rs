//! What is measured. A benchmark is one file here and one line in [`ALL`].

mod issuances;
mod memory;
mod pages;
mod redeem;
mod revoke;
mod start_up;
mod throughput;
mod window;

use std::future::Future;
use std::path::Path;
use std::pin::Pin;

use anyhow::Result;

use crate::Programs;
use crate::house::House;
use crate::machine::Cores;
use crate::report::Section;

/// What every benchmark gets.
#[derive(Debug)]
pub struct Setting<'a> {
    pub programs: &'a Programs,
    pub house: &'a House,
    pub cores: Cores,
    /// A folder of this benchmark's own.
    pub folder: &'a Path,
}

pub struct Benchmark {
    pub name: &'static str,
    pub run: for<'a> fn(&'a Setting<'a>) -> Running<'a>,
}

type Running<'a> = Pin<Box<dyn Future<Output = Result<Vec<Section>>> + 'a>>;

/// In the order in which they run.
pub const ALL: &[Benchmark] = &[
    Benchmark { name: "pages", run: |setting| Box::pin(pages::run(setting)) },
    Benchmark { name: "throughput", run: |setting| Box::pin(throughput::run(setting)) },
    Benchmark { name: "start-up", run: |setting| Box::pin(start_up::run(setting)) },
    Benchmark { name: "memory", run: |setting| Box::pin(memory::run(setting)) },
    Benchmark { name: "revoke", run: |setting| Box::pin(revoke::run(setting)) },
    Benchmark { name: "redeem", run: |setting| Box::pin(redeem::run(setting)) },
    Benchmark { name: "issuances", run: |setting| Box::pin(issuances::run(setting)) },
    Benchmark { name: "window", run: |setting| Box::pin(window::run(setting)) },
];
