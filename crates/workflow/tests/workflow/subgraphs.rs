//! A graph as a node of another.

use std::sync::Arc;

use serde_json::json;
use workflow::{
    CheckpointStore, Context, Durability, END, Event, LimitExceeded, Limits, MemoryCheckpoints, Run,
    RunError, RunStatus, RunUsage, Status, Subgraph, ThreadId, answer, steps_taken,
};

use crate::fixture::{
    Builder, Graph, Recorded, Services, State, Update, failure, function, run, step, traced,
};

fn with_inner(inner: Graph) -> Graph {
    let inner = Subgraph::new(
        "inner",
        Arc::new(inner),
        |state: &State| State { inputs: state.inputs.clone(), ..State::default() },
        |state: State| Update { trace: Some(state.trace), ..Update::default() },
    );
    Builder::new("outer")
        .add_node(step("before"))
        .add_node(inner)
        .add_node(step("after"))
        .add_edge("before", "inner")
        .add_edge("inner", "after")
        .add_edge("after", END)
        .build()
        .unwrap()
}

fn asking() -> Graph {
    let ask = function("ask", |_, context: &Context<'_, Services>| {
        Box::pin(async move {
            let answer = context.ask(json!("Go on?")).await?;
            Ok(traced(answer.as_str().unwrap_or_default()))
        })
    });
    Builder::new("inner")
        .add_node(step("first"))
        .add_node(ask)
        .add_edge("first", "ask")
        .add_edge("ask", END)
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_subgraph_runs_as_a_node_and_its_steps_carry_its_name() {
    let inner = Builder::new("inner").add_node(step("first")).add_edge("first", END).build().unwrap();
    let (graph, services, events) = (with_inner(inner), Services::default(), Recorded::default());
    let report = Run::new(&graph, &services)
        .events(&events)
        .start(&ThreadId::new("1"), State::default())
        .await
        .unwrap();
    assert_eq!(report.state.trace, ["before", "first", "after"]);
    let started: Vec<_> = events
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::StepStarted { node } => Some(node),
            _ => None,
        })
        .collect();
    assert_eq!(started, ["before", "inner", "inner/first", "after"]);
}

#[tokio::test]
async fn a_subgraph_that_waits_goes_on_where_it_was() {
    let (graph, services, store) = (with_inner(asking()), Services::default(), MemoryCheckpoints::default());
    let thread = ThreadId::new("1");
    let run = Run::new(&graph, &services).checkpoints(&store, Durability::Always);
    let report = run.start(&thread, State::default()).await.unwrap();
    let Status::Interrupted(questions) = report.status else { panic!("{:?}", report.status) };
    assert_ne!(questions[0].thread, thread, "the question is the sub-graph's");
    answer(&store, &questions[0].thread, &questions[0].id, "yes".into()).await.unwrap();
    let report = run.resume(&thread).await.unwrap();
    assert_eq!(report.state.trace, ["before", "first", "yes", "after"]);
    assert_eq!((services.count("first"), services.count("before")), (1, 1));
    assert_eq!(store.threads(RunStatus::Finished).await.unwrap().len(), 2);
    store.delete(&thread).await.unwrap();
    assert!(store.threads(RunStatus::Finished).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_failure_inside_and_a_limit_reach_the_parent() {
    let fails = function("fails", |_, _| Box::pin(async { Err(failure("inside")) }));
    let inner = Builder::new("inner").add_node(fails).add_edge("fails", END).build().unwrap();
    let error = run(&with_inner(inner), &Services::default()).await.1.unwrap_err();
    assert_eq!(error.to_string(), "the node inner failed");
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "inside");

    let endless = Builder::new("inner")
        .add_node(step("a"))
        .add_edge("a", "a")
        .at_most(u32::MAX)
        .add_edge("a", END)
        .build()
        .unwrap();
    let (graph, services) = (with_inner(endless), Services::default());
    let limited = Run::new(&graph, &services).limits(Limits { supersteps: 7, ..Limits::default() });
    let error = limited.start(&ThreadId::new("1"), State::default()).await.unwrap_err();
    assert!(matches!(error, RunError::Limit { .. }), "{error}");
    assert_eq!(services.count("a"), 7);
}

/// A graph whose node asks a model so often.
fn calling(name: &str, times: u32) -> Graph {
    let call = function("call", |_, context: &Context<'_, Services>| {
        Box::pin(async move {
            context.charge(RunUsage { calls: 1, ..RunUsage::default() })?;
            context.services().record("called");
            Ok(traced("call"))
        })
    });
    Builder::new(name)
        .add_node(call)
        .add_edge("call", "call")
        .at_most(times - 1)
        .add_edge("call", END)
        .build()
        .unwrap()
}

#[tokio::test]
async fn the_calls_of_subgraphs_count_for_the_run_also_after_a_restart() {
    let (graph, services) = (with_inner(with_inner(calling("innermost", 5))), Services::default());
    let limits = Limits { calls: 3, ..Limits::default() };
    let store = MemoryCheckpoints::default();
    let run = Run::new(&graph, &services).limits(limits).checkpoints(&store, Durability::Always);
    let thread = ThreadId::new("1");
    let error = run.start(&thread, State::default()).await.unwrap_err();
    let exceeded = |error: &RunError<_>| matches!(error, RunError::Limit { exceeded: LimitExceeded::Calls(3), node } if node == "inner");
    assert!(exceeded(&error), "{error:?}");
    assert_eq!(services.count("called"), 3);
    let error = run.resume(&thread).await.unwrap_err();
    assert!(exceeded(&error), "{error:?}");
    assert_eq!(services.count("called"), 3, "what was used before the restart is counted");
    assert_eq!(steps_taken(&store, &thread).await.unwrap(), ["before"]);
}
