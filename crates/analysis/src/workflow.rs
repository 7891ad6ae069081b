//! The workflow of an analysis: a graph of typed nodes, and the engine that runs it.
//!
//! Always holds: a graph that could run for ever, get stuck or contain what is never reached is refused when
//! it is built; every node that starts also reports that it finished or failed; an analysis ends with exactly
//! one `done` or `error` event, unless nobody listens any more.

mod engine;
mod error;
mod graph;
mod nodes;
mod prompt;

pub use engine::{Engine, Job, Limits, ModeSettings, Outcome, analyze};
pub use error::AnalysisError;
pub use graph::{
    Description, EdgeDescription, Graph, GraphBuilder, GraphError, Node, NodeError, Outlet, Way,
};

/// The name by which modes and answers call the built-in reader.
pub const READER: &str = "reader";
