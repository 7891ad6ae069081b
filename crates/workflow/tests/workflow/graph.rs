//! Edges, conditions, loops and what the builder refuses.

use std::error::Error as _;
use std::sync::Mutex;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use workflow::{
    Context, END, Event, EventSink, Graph, GraphBuilder, GraphError, Node, NodeError, NodeOutput, Outcome,
    RunError, SinkClosed, StepRecord, WorkflowState,
};

/// Records its name in the state; fails when the services say so.
struct Record(&'static str);

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Trace {
    names: Vec<String>,
}

impl WorkflowState for Trace {
    type Update = String;

    fn apply(&mut self, name: String) {
        self.names.push(name);
    }
}

#[derive(Debug, thiserror::Error)]
#[error("told to fail at step {0}")]
struct Planned(usize);

/// The names of the nodes that fail.
type Failing = Vec<&'static str>;

#[async_trait]
impl Node<Trace, Failing, Planned> for Record {
    fn name(&self) -> &str {
        self.0
    }

    async fn run(
        &self,
        _: &Trace,
        context: &Context<'_, Failing>,
    ) -> Result<NodeOutput<String>, NodeError<String, Planned>> {
        let update = self.0.to_owned();
        if context.services().contains(&self.0) {
            return Err(NodeError::new("no", Planned(context.step())).with_update(update));
        }
        Ok(NodeOutput::update(update))
    }
}

type Builder = GraphBuilder<Trace, Failing, Planned>;

fn builder(names: &[&'static str]) -> Builder {
    names.iter().fold(GraphBuilder::new("test"), |builder, name| builder.add_node(Record(name)))
}

fn refused(builder: Builder) -> GraphError {
    builder.build().unwrap_err()
}

/// Collects events, and is closed once it has `capacity` of them.
#[derive(Debug)]
struct Collected {
    events: Mutex<Vec<Event>>,
    capacity: usize,
}

impl Collected {
    fn new(capacity: usize) -> Self {
        Self { events: Mutex::default(), capacity }
    }
}

#[async_trait]
impl EventSink for Collected {
    async fn emit(&self, event: Event) -> Result<(), SinkClosed> {
        let mut events = self.events.lock().unwrap();
        if events.len() == self.capacity {
            return Err(SinkClosed);
        }
        events.push(event);
        Ok(())
    }
}

async fn run(
    graph: &Graph<Trace, Failing, Planned>,
    failing: &[&'static str],
) -> (Vec<String>, Result<Vec<StepRecord>, RunError<Planned>>) {
    let sink = Collected::new(usize::MAX);
    let mut state = Trace::default();
    let result = graph.run(&mut state, &failing.to_vec(), &sink).await;
    let mut open = 0;
    for event in sink.events.into_inner().unwrap() {
        open += if matches!(event, Event::StepStarted { .. }) { 1 } else { -1 };
    }
    assert_eq!(open, 0, "each started step ends");
    (state.names, result)
}

#[test]
fn invalid_graphs_are_refused() {
    assert_eq!(refused(builder(&["a", "a"]).add_edge("a", END)), GraphError::DuplicateNode("a".into()));
    assert_eq!(refused(builder(&[END]).add_edge(END, END)), GraphError::ReservedName(END.into()));
    assert_eq!(refused(builder(&["a"]).add_edge("a", "b")), GraphError::UnknownNode("b".into()));
    assert_eq!(
        refused(builder(&["a"]).add_edge("z", "a").add_edge("a", END)),
        GraphError::UnknownNode("z".into())
    );
    assert_eq!(
        refused(builder(&["a", "b"]).add_edge("a", END).add_edge("b", END)),
        GraphError::Unreachable("b".into())
    );
    assert_eq!(
        refused(builder(&["a", "b"]).add_edge_when("a", "b", "", |_| true).add_edge("b", END)),
        GraphError::NoDefaultEdge("a".into())
    );
    assert_eq!(refused(builder(&["a", "b"]).add_edge("a", "b")), GraphError::NoDefaultEdge("b".into()));
    assert_eq!(
        refused(
            builder(&["a", "b", "c"])
                .add_edge("a", "b")
                .add_edge("b", "a")
                .add_edge_when("a", "c", "", |_| true)
                .add_edge("c", END)
        ),
        GraphError::Cycle(vec!["a".into(), "b".into(), "c".into()])
    );
    assert_eq!(refused(builder(&["a"]).add_edge("a", "a")), GraphError::Cycle(vec!["a".into()]));
    assert_eq!(refused(builder(&[])), GraphError::Empty);
}

#[test]
fn an_edge_behind_one_that_is_always_taken_is_refused() {
    let behind = builder(&["a", "b"]).add_edge("a", "b").add_edge("a", END).add_edge("b", END);
    assert_eq!(refused(behind), GraphError::DeadEdge { from: "a".into(), to: END.into() });
    let failure = builder(&["a", "b"])
        .add_edge("a", "b")
        .add_edge("b", END)
        .add_failure_edge("a", "b")
        .add_failure_edge_when("a", "b", "", |_| true);
    assert_eq!(refused(failure), GraphError::DeadEdge { from: "a".into(), to: "b".into() });
}

#[test]
fn a_failure_edge_can_close_a_cycle_too() {
    let again = builder(&["a", "b"]).add_edge("a", "b").add_edge("b", END).add_failure_edge("b", "a");
    assert!(matches!(refused(again), GraphError::Cycle(_)));
}

#[tokio::test]
async fn the_first_edge_that_fits_is_taken() {
    let graph = builder(&["a", "b", "c"])
        .add_edge_when("a", "b", "never", |_| false)
        .add_edge("a", "c")
        .add_edge("b", END)
        .add_edge("c", END)
        .build()
        .unwrap();
    let (names, result) = run(&graph, &[]).await;
    assert_eq!(names, ["a", "c"]);
    assert_eq!(result.unwrap().len(), 2);
}

#[tokio::test]
async fn conditions_see_what_the_node_has_just_changed() {
    let graph = builder(&["a", "b"])
        .add_edge_when("a", END, "a has run", |trace| trace.names == ["a"])
        .add_edge("a", "b")
        .add_edge("b", END)
        .build()
        .unwrap();
    assert_eq!(run(&graph, &[]).await.0, ["a"]);
    let graph = builder(&["a", "b"])
        .add_edge("a", END)
        .add_failure_edge_when("a", "b", "a has run", |trace| trace.names == ["a"])
        .add_edge("b", END)
        .build()
        .unwrap();
    assert_eq!(run(&graph, &["a"]).await.0, ["a", "b"], "a failed node's update counts too");
}

#[tokio::test]
async fn a_failure_takes_its_edge_or_ends_the_run() {
    let graph = builder(&["a", "b"])
        .add_edge("a", END)
        .add_failure_edge("a", "b")
        .add_edge("b", END)
        .build()
        .unwrap();
    assert_eq!(run(&graph, &[]).await.0, ["a"]);
    let (names, result) = run(&graph, &["a"]).await;
    assert_eq!(names, ["a", "b"]);
    assert_eq!(result.unwrap()[0].outcome, Outcome::Failed);
    let error = run(&graph, &["a", "b"]).await.1.unwrap_err();
    assert_eq!(error.to_string(), "the node b failed", "the cause is the source's to say");
    assert_eq!(error.source().unwrap().to_string(), "told to fail at step 1");
}

#[tokio::test]
async fn a_bounded_cycle_ends() {
    let graph = builder(&["a", "b"])
        .add_edge("a", "b")
        .add_edge("b", "a")
        .at_most(2)
        .add_edge("b", END)
        .build()
        .unwrap();
    assert_eq!(run(&graph, &[]).await.0, ["a", "b", "a", "b", "a", "b"]);
    assert_eq!(run(&graph, &[]).await.0.len(), 6, "each run counts anew");
}

#[tokio::test]
async fn a_closed_sink_ends_the_run() {
    let graph = builder(&["a", "b"]).add_edge("a", "b").add_edge("b", END).build().unwrap();
    let (mut state, sink) = (Trace::default(), Collected::new(2));
    let result = graph.run(&mut state, &Vec::new(), &sink).await;
    assert!(matches!(result, Err(RunError::SinkClosed(SinkClosed))));
    assert_eq!(state.names, ["a"], "b has not begun");
}

#[test]
fn a_graph_describes_itself() {
    let graph = builder(&["a", "b"])
        .add_edge_when("a", "b", "it rains", |_| true)
        .add_edge("a", END)
        .add_edge("b", END)
        .build()
        .unwrap();
    let description = graph.describe();
    assert_eq!(description.nodes, ["a", "b"]);
    assert_eq!(description.edges[0].when.as_deref(), Some("it rains"));
    assert_eq!((description.edges[1].to.as_deref(), description.edges[1].on), (None, Outcome::Finished));
}
