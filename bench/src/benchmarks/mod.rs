//! What is measured. A benchmark is one file here and one line in [`ALL`].

mod capture;
mod issuances;
mod memory;
mod pages;
mod reader;
mod redeem;
mod revoke;
mod start_up;
mod throughput;
mod window;
mod workflow;

use std::future::Future;
use std::path::Path;
use std::pin::Pin;

use anyhow::Result;

use crate::Programs;
use crate::fixture::Fixture;
use crate::machine::Cores;
use crate::report::Section;

/// What every benchmark is given.
#[derive(Debug)]
pub struct Environment<'a> {
    pub programs: &'a Programs,
    pub fixture: &'a Fixture,
    pub cores: Cores,
    /// A folder of this benchmark's own.
    pub folder: &'a Path,
}

pub struct Benchmark {
    pub name: &'static str,
    pub run: for<'a> fn(&'a Environment<'a>) -> Running<'a>,
}

type Running<'a> = Pin<Box<dyn Future<Output = Result<Vec<Section>>> + 'a>>;

/// In the order in which they run.
pub const ALL: &[Benchmark] = &[
    Benchmark { name: "pages", run: |env| Box::pin(pages::run(env)) },
    Benchmark { name: "throughput", run: |env| Box::pin(throughput::run(env)) },
    Benchmark { name: "start-up", run: |env| Box::pin(start_up::run(env)) },
    Benchmark { name: "memory", run: |env| Box::pin(memory::run(env)) },
    Benchmark { name: "revoke", run: |env| Box::pin(revoke::run(env)) },
    Benchmark { name: "redeem", run: |env| Box::pin(redeem::run(env)) },
    Benchmark { name: "issuances", run: |env| Box::pin(issuances::run(env)) },
    Benchmark { name: "reader", run: |env| Box::pin(reader::run(env)) },
    Benchmark { name: "workflow", run: |env| Box::pin(workflow::run(env)) },
    Benchmark { name: "capture", run: |env| Box::pin(capture::run(env)) },
    Benchmark { name: "window", run: |env| Box::pin(window::run(env)) },
];
