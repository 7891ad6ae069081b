//! The shapes of LangGraph's own benchmarks, in nodes that do next to nothing. `peer/langgraph_shapes.py` has the same.

use std::convert::Infallible;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;
use workflow::{
    Context, END, Graph, GraphBuilder, GraphError, Node, NodeError, NodeOutput, Subgraph, WorkflowState, add,
    append,
};

const SEQUENTIAL: usize = 100;
const FAN_OUT: i64 = 100;
const TURNS: usize = 50;
const WIDE_NODES: usize = 20;
const WIDE_CHANNELS: usize = 100;

workflow::channels! {
    /// Two of the shapes count.
    #[derive(Debug, Default)]
    pub struct Counter, Count {
        total: i64 => add,
    }
}

workflow::channels! {
    /// An agent and its tools talk.
    #[derive(Debug, Default)]
    pub struct Messages, Message {
        messages: Vec<String> => append,
    }
}

/// Many channels of a hundred characters, each written by its index.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Wide(Vec<String>);

impl Default for Wide {
    fn default() -> Self {
        Self(vec!["x".repeat(100); WIDE_CHANNELS])
    }
}

impl WorkflowState for Wide {
    type Update = Vec<(usize, String)>;

    fn apply(&mut self, update: Self::Update) {
        for (index, value) in update {
            if let Some(channel) = self.0.get_mut(index) {
                *channel = value;
            }
        }
    }

    fn exclusive_writes(&self, update: &Self::Update) -> Vec<String> {
        update.iter().map(|(index, _)| index.to_string()).collect()
    }
}

/// A node that returns the same update each time.
struct Write<U>(String, U);

#[async_trait]
impl<S, U> Node<S, (), Infallible> for Write<U>
where
    S: WorkflowState<Update = U>,
    U: Clone + Send + Sync,
{
    fn name(&self) -> &str {
        &self.0
    }

    async fn run(&self, _: &S, _: &Context<'_, ()>) -> Result<NodeOutput<U>, NodeError<U, Infallible>> {
        Ok(NodeOutput::update(self.1.clone()))
    }
}

/// Adds the item that it runs for.
struct AddItem;

#[async_trait]
impl Node<Counter, (), Infallible> for AddItem {
    fn name(&self) -> &'static str {
        "i0"
    }

    async fn run(
        &self,
        _: &Counter,
        context: &Context<'_, ()>,
    ) -> Result<NodeOutput<Count>, NodeError<Count, Infallible>> {
        let item = context.item().ok().flatten().unwrap_or(1);
        Ok(NodeOutput::update(Count { total: Some(item) }))
    }
}

/// One shape: its graph, and how many nodes a run of it runs.
#[derive(Debug)]
pub struct Shape<S> {
    pub graph: Graph<S, (), Infallible>,
    pub steps: usize,
}

pub fn sequential() -> Result<Shape<Counter>, GraphError> {
    let nodes = (0..SEQUENTIAL).map(|number| Write(format!("n{number}"), Count { total: Some(1) }));
    Ok(Shape { graph: chain("sequential", nodes)?, steps: SEQUENTIAL })
}

pub fn fan_out() -> Result<Shape<Counter>, GraphError> {
    let one = |name: &str| Write(name.to_owned(), Count { total: Some(1) });
    let inner = GraphBuilder::new("inner")
        .add_node(AddItem)
        .add_node(one("i1"))
        .add_node(one("i2"))
        .add_edge("i0", "i1")
        .add_edge("i1", "i2")
        .add_edge("i2", END)
        .build()?;
    let leave = |state: Counter| Count { total: Some(state.total) };
    let graph = GraphBuilder::new("fan-out")
        .add_node(one("start"))
        .add_node(Subgraph::new("inner", Arc::new(inner), |_: &Counter| Counter::default(), leave))
        .add_node(one("end"))
        .add_map_edge("start", "inner", |_| (0..FAN_OUT).map(|number| json!(number)).collect())
        .add_edge("inner", "end")
        .add_edge("end", END)
        .build()?;
    Ok(Shape { graph, steps: 402 })
}

/// The agent and its tools take turns.
pub fn agent() -> Result<Shape<Messages>, GraphError> {
    turns(TURNS, 100)
}

/// A long run, each step of which writes a kilobyte.
pub fn long() -> Result<Shape<Messages>, GraphError> {
    turns(100, 1_000)
}

fn turns(turns: usize, characters: usize) -> Result<Shape<Messages>, GraphError> {
    let steps = 2 * turns - 1;
    let say = |name: &str| Write(name.to_owned(), Message { messages: Some(vec!["x".repeat(characters)]) });
    let graph = GraphBuilder::new("agent")
        .add_node(say("agent"))
        .add_node(say("tools"))
        .add_edge_when("agent", "tools", "more", move |state: &Messages| state.messages.len() < steps)
        .at_most(u32::MAX)
        .add_edge("agent", END)
        .add_edge("tools", "agent")
        .build()?;
    Ok(Shape { graph, steps })
}

pub fn wide() -> Result<Shape<Wide>, GraphError> {
    let nodes = (0..WIDE_NODES).map(|number| {
        let write = |channel: usize| (channel, "y".repeat(100));
        Write(format!("n{number}"), vec![write(number), write(number + WIDE_NODES)])
    });
    Ok(Shape { graph: chain("wide", nodes)?, steps: WIDE_NODES })
}

fn chain<S, U>(
    name: &str,
    nodes: impl Iterator<Item = Write<U>>,
) -> Result<Graph<S, (), Infallible>, GraphError>
where
    S: WorkflowState<Update = U>,
    U: Clone + Send + Sync + 'static,
{
    let mut builder = GraphBuilder::new(name);
    let mut last: Option<String> = None;
    for node in nodes {
        let name = node.0.clone();
        builder = builder.add_node(node);
        if let Some(last) = last.replace(name.clone()) {
            builder = builder.add_edge(last, name);
        }
    }
    let last = last.unwrap_or_default();
    builder.add_edge(last, END).build()
}
