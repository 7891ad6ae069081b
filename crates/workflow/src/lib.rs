//! Workflows as graphs: typed nodes over one state, joined by conditional edges.
//!
//! The terms are those of LangGraph. A [`WorkflowState`] is what a run knows; a [`Node`] reads it and returns an
//! *update*, which the state applies to itself (its reducer); edges choose the next node by the state. What nodes need
//! besides (clients, connections, files) are the run's *services*: they come with a [`Context`] and are never
//! serialised. So a state and its updates are all that a checkpoint has to hold, and a node cannot change the state
//! behind the engine's back.
//!
//! Always holds:
//! - A graph that could run for ever, get stuck, or contain what is never reached is refused by
//!   [`GraphBuilder::build`], with the names of the nodes.
//! - Each node that starts also reports how it ended, unless the sink is closed or the run's future is dropped.
//! - A node's update is applied before the next edge is chosen, a failed node's too.
//! - Dropping the future of [`Graph::run`] drops the node that is running, and with it what the node has started.
//!
//! ```
//! use async_trait::async_trait;
//! use serde::{Deserialize, Serialize};
//! use workflow::{Context, END, GraphBuilder, Node, NodeError, NodeOutput, WorkflowState};
//!
//! #[derive(Debug, Clone, Default, Serialize, Deserialize)]
//! struct Draft {
//!     text: String,
//!     revisions: u32,
//! }
//!
//! #[derive(Debug, Serialize, Deserialize)]
//! struct Revised(String);
//!
//! impl WorkflowState for Draft {
//!     type Update = Revised;
//!
//!     fn apply(&mut self, update: Revised) {
//!         self.text = update.0;
//!         self.revisions += 1;
//!     }
//! }
//!
//! struct Revise;
//!
//! #[async_trait]
//! impl Node<Draft, &'static str, std::io::Error> for Revise {
//!     fn name(&self) -> &str {
//!         "revise"
//!     }
//!
//!     async fn run(
//!         &self,
//!         draft: &Draft,
//!         context: &Context<'_, &'static str>,
//!     ) -> Result<NodeOutput<Revised>, NodeError<Revised, std::io::Error>> {
//!         Ok(NodeOutput::update(Revised(format!("{}{}", draft.text, context.services()))))
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let graph = GraphBuilder::new("writing")
//!     .add_node(Revise)
//!     .add_edge_when("revise", "revise", "it is still short", |draft: &Draft| draft.text.len() < 3)
//!     .at_most(10)
//!     .add_edge("revise", END)
//!     .build()?;
//!
//! let mut draft = Draft::default();
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let steps = graph.run(&mut draft, &"x", &()).await?;
//! assert_eq!((draft.text.as_str(), steps.len()), ("xxx", 3));
//! # Ok(())
//! # })
//! # }
//! ```

mod builder;
mod description;
mod edge;
mod error;
mod event;
mod graph;
mod node;
mod state;
mod validation;

pub use builder::GraphBuilder;
pub use description::{Description, EdgeDescription};
pub use edge::{END, Outcome};
pub use error::{GraphError, RunError, SinkClosed};
pub use event::{Event, EventSink, StepRecord};
pub use graph::Graph;
pub use node::{Context, Node, NodeError, NodeOutput};
pub use state::WorkflowState;
