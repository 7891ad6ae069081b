//! Workflows as graphs, in LangGraph's place: typed state, nodes, edges with conditions, parallel branches, sub-graphs,
//! checkpoints, interrupts, replay. It knows nothing of what the nodes do.
//!
//! The state is data that can be serialised. A [`Node`] reads it and returns an *update*, which the state applies to itself
//! (its reducer); edges choose the next nodes by the state. What nodes need besides (clients, connections, files) are the run's
//! *services*: they come with a [`Context`] and are never serialised. So a state and its updates are all that a checkpoint has
//! to hold, and a node cannot change the state behind the engine's back.
//!
//! A run goes from *superstep* to superstep: all tasks that are due run at the same time, then their updates are applied, then
//! the edges choose the next tasks, then a checkpoint is stored.
//!
//! | in LangGraph | here |
//! |---|---|
//! | `StateGraph`, `add_node`, `add_edge`, `add_conditional_edges` | [`GraphBuilder`] and its methods of the same names; [`GraphBuilder::add_edge_when`] |
//! | channels with reducers (`Annotated[list, add]`) | [`channels!`], or [`WorkflowState::apply`] by hand |
//! | runtime context | services, [`Context::services`] |
//! | `Command(update, goto)` | [`NodeOutput::goto`], declared by [`GraphBuilder::add_command`] |
//! | `Send` | [`GraphBuilder::add_map_edge`], [`Context::item`] |
//! | sub-graphs | [`Subgraph`] |
//! | `RetryPolicy`, time limits, `CachePolicy`, error handlers | [`NodePolicy`], [`Cache`], [`GraphBuilder::add_failure_edge`] |
//! | recursion limit, limits of cost | [`Limits`], [`Context::charge`] |
//! | checkpointers, threads | [`CheckpointStore`], [`ThreadId`]; [`Durability`] |
//! | `interrupt()`, `Command(resume)` | [`Context::ask`], [`answer`], [`Run::resume`] |
//! | `get_state_history`, replay, fork | [`CheckpointStore::history`], [`Graph::state_at`], [`Graph::fork`] |
//! | stream modes updates, custom | [`EventSink`], [`EventLog`] |
//! | `draw_mermaid` | [`Description::mermaid`] |
//!
//! Always holds:
//! - A graph that could run for ever, get stuck, or contain what is never reached is refused by
//!   [`GraphBuilder::build`], with the names of the nodes.
//! - Each node that starts also reports how it ended, unless it waits, the sink is closed or the run's future is dropped.
//! - The updates of a superstep are applied in the order of its tasks before the next edge is chosen, a failed node's too.
//! - Two parallel writes of a channel without a reducer are an error, and neither is applied.
//! - What a node does inside [`Context::once`] takes place once, however often the node runs.
//! - A question is reported once, and its first answer counts.
//! - Dropping the future of a run drops the nodes that are running, and with them what they have started.
//! - A panic in a node is a failure of that node.
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
mod cache;
mod channel;
mod checkpoint;
mod context;
mod description;
pub mod document;
mod edge;
mod error;
mod event;
mod graph;
mod limits;
mod node;
mod policy;
mod position;
mod run;
mod scope;
mod size;
mod state;
mod stream;
mod subgraph;
mod validation;

pub use builder::GraphBuilder;
pub use cache::{Cache, MemoryCache};
pub use channel::{add, append, maximum, merge};
pub use checkpoint::{
    Answered, Body, CheckpointStore, Durability, Interrupt, MemoryCheckpoints, Record, RunStatus, StoreError,
    TaskWrite, ThreadId, answer, check_conformance, open_questions,
};
pub use context::Context;
pub use description::{Description, EdgeDescription, EdgeKind};
pub use edge::{END, Outcome};
pub use error::{FailureCause, GraphError, LimitExceeded, OnceError, RunError, SinkClosed, Suspended};
pub use event::{Event, EventSink, StepRecord};
pub use graph::Graph;
pub use limits::{Limits, RunUsage};
pub use node::{Node, NodeError, NodeOutput};
pub use policy::{NodePolicy, RetryPolicy};
pub use run::{CheckpointState, Report, Run, Status, steps_taken};
pub use state::WorkflowState;
pub use stream::{EventLog, NumberedEvent};
pub use subgraph::Subgraph;
