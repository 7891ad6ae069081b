//! Threads, checkpoints, pending writes, history; deltas and their size.

use workflow::{
    Answered, CheckpointStore, Context, Durability, END, MemoryCheckpoints, NodeOutput, Run, RunError,
    RunStatus, StoreError, ThreadId, answer,
};

use crate::fixture::{Builder, Graph, Services, State, Update, failure, function, step, traced};

fn three() -> Graph {
    Builder::new("three")
        .add_node(step("a"))
        .add_node(step("b"))
        .add_node(step("c"))
        .add_edge("a", "b")
        .add_edge("b", "c")
        .add_edge("c", END)
        .build()
        .unwrap()
}

#[tokio::test]
async fn each_superstep_leaves_a_checkpoint() {
    let (graph, services, store) = (three(), Services::default(), MemoryCheckpoints::default());
    let thread = ThreadId::new("1");
    let run = Run::new(&graph, &services).checkpoints(&store, Durability::Always);
    let report = run.start(&thread, State::default()).await.unwrap();
    assert_eq!(store.history(&thread).await.unwrap(), [0, 1, 2, 3]);
    assert_eq!(store.status(&thread).await.unwrap(), Some(RunStatus::Finished));
    let mut next = Vec::new();
    for sequence in 0..=3 {
        let at = graph.state_at(&store, &thread, Some(sequence)).await.unwrap();
        assert_eq!(at.state.trace.len() as u64, sequence);
        next.extend(at.next);
    }
    assert_eq!(next, ["a", "b", "c"]);
    let again = run.resume(&thread).await.unwrap();
    assert_eq!((again.state, again.steps.len()), (report.state, 0), "a finished run stays as it ended");
}

#[tokio::test]
async fn durability_at_the_end_stores_once() {
    let (graph, services, store) = (three(), Services::default(), MemoryCheckpoints::default());
    let thread = ThreadId::new("1");
    Run::new(&graph, &services)
        .checkpoints(&store, Durability::AtEnd)
        .start(&thread, State::default())
        .await
        .unwrap();
    assert_eq!(store.history(&thread).await.unwrap(), [3]);
    assert_eq!(graph.state_at(&store, &thread, None).await.unwrap().state.trace, ["a", "b", "c"]);
}

#[tokio::test]
async fn what_siblings_finished_before_a_failure_is_not_done_again() {
    let flaky = function("flaky", |_, context: &Context<'_, Services>| {
        Box::pin(async move {
            // The sibling ends first.
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            if context.services().record("flaky") == 1 { Err(failure("once")) } else { Ok(traced("flaky")) }
        })
    });
    let graph = Builder::new("pending")
        .add_node(step("start"))
        .add_node(step("sibling"))
        .add_node(flaky)
        .add_node(step("end"))
        .add_parallel_edge("start", ["sibling", "flaky"])
        .add_join(["sibling", "flaky"], "end")
        .add_edge("end", END)
        .build()
        .unwrap();
    let (services, store, thread) = (Services::default(), MemoryCheckpoints::default(), ThreadId::new("1"));
    let run = Run::new(&graph, &services).checkpoints(&store, Durability::Always);
    run.start(&thread, State::default()).await.unwrap_err();
    assert_eq!(store.status(&thread).await.unwrap(), Some(RunStatus::Failed));
    let report = run.resume(&thread).await.unwrap();
    assert_eq!(report.state.trace, ["start", "sibling", "flaky", "end"]);
    assert_eq!((services.count("sibling"), services.count("flaky"), services.count("start")), (1, 2, 1));
}

#[tokio::test]
async fn a_failed_superstep_is_repeated_from_the_state_before_it() {
    for (durability, handled) in [
        (Durability::Always, true),
        (Durability::AtEnd, true),
        (Durability::Always, false),
        (Durability::AtEnd, false),
    ] {
        let flaky = function("flaky", |_, context: &Context<'_, Services>| {
            Box::pin(async move {
                let update = Update { total: Some(1), ..Update::default() };
                if context.services().record("flaky") == 1 {
                    return Err(failure("once").with_update(update));
                }
                Ok(NodeOutput::update(update))
            })
        });
        let builder =
            Builder::new("failing").add_node(step("start")).add_node(flaky).add_edge("start", "flaky");
        let builder = builder.add_edge("flaky", END);
        let builder =
            if handled { builder.add_failure_edge_when("flaky", END, "never", |_| false) } else { builder };
        let graph = builder.build().unwrap();
        let (services, store, thread) =
            (Services::default(), MemoryCheckpoints::default(), ThreadId::new("1"));
        let run = Run::new(&graph, &services).checkpoints(&store, durability);
        run.start(&thread, State::default()).await.unwrap_err();
        assert_eq!(run.resume(&thread).await.unwrap().state.total, 1, "{durability:?}, {handled}");
        assert_eq!(services.count("start"), 1);
    }
}

#[tokio::test]
async fn two_processes_cannot_go_on_with_one_run() {
    let (graph, services, store) = (three(), Services::default(), MemoryCheckpoints::default());
    let thread = ThreadId::new("1");
    let run = Run::new(&graph, &services).checkpoints(&store, Durability::Always);
    run.start(&thread, State::default()).await.unwrap();
    let error = run.start(&thread, State::default()).await.unwrap_err();
    assert!(matches!(error, RunError::Store(StoreError::Conflict { sequence: 0, .. })), "{error}");
    assert_eq!(services.count("a"), 1, "the second one did nothing");
    assert_eq!(store.status(&thread).await.unwrap(), Some(RunStatus::Finished));
}

#[tokio::test]
async fn an_unknown_run_and_another_version_are_named() {
    let (graph, services, store) = (three(), Services::default(), MemoryCheckpoints::default());
    let thread = ThreadId::new("1");
    let run = Run::new(&graph, &services).checkpoints(&store, Durability::Always);
    let error = run.resume(&thread).await.unwrap_err();
    assert!(matches!(error, RunError::UnknownThread(id) if id == "1"));
    run.start(&thread, State::default()).await.unwrap();
    let newer = Builder::new("three").version(2).add_node(step("a")).add_edge("a", END).build().unwrap();
    let error = Run::new(&newer, &services)
        .checkpoints(&store, Durability::Always)
        .resume(&thread)
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "the run belongs to three@1, and this is three@2");
}

#[tokio::test]
async fn two_hundred_turns_take_little_room() {
    const TURNS: usize = 200;
    let turn = function("turn", |state, _| {
        Box::pin(async move {
            let text = format!("{:01000}", state.trace.len());
            Ok(NodeOutput::update(Update { trace: Some(vec![text]), ..Update::default() }))
        })
    });
    let graph = Builder::new("turns")
        .add_node(turn)
        .add_edge_when("turn", "turn", "there are more", |state| state.trace.len() < TURNS)
        .at_most(u32::MAX)
        .add_edge("turn", END)
        .build()
        .unwrap();
    let (services, store, thread) = (Services::default(), MemoryCheckpoints::default(), ThreadId::new("1"));
    Run::new(&graph, &services)
        .checkpoints(&store, Durability::Always)
        .start(&thread, State::default())
        .await
        .unwrap();
    // A whole state after each turn would be 1,000 × 200 × 201 / 2 bytes.
    let whole = 1_000 * TURNS * (TURNS + 1) / 2;
    assert!(store.bytes() < whole / 10, "{} of {whole}", store.bytes());
    let state = graph.state_at(&store, &thread, Some(150)).await.unwrap().state;
    assert_eq!(state.trace.len(), 150);
    store.prune(&thread, 1).await.unwrap();
    assert_eq!(graph.state_at(&store, &thread, None).await.unwrap().state.trace.len(), TURNS);
    assert!(store.bytes() < 1_000 * TURNS * 3 / 2);
}

#[tokio::test]
async fn an_answer_to_nothing_is_unknown() {
    let store = MemoryCheckpoints::default();
    let thread = ThreadId::new("1");
    for id in ["", "1", "1.2", "1.2.3", "1.2.3.4", "a.b.c", "-1.0.0", "99999999999999999999.0.0"] {
        assert_eq!(answer(&store, &thread, id, true.into()).await.unwrap(), Answered::Unknown, "{id}");
    }
}
