//! Replay and fork.

use workflow::{CheckpointStore, Durability, END, MemoryCheckpoints, Run, ThreadId};

use crate::fixture::{Builder, Graph, Services, State, Update, step};

fn branching() -> Graph {
    Builder::new("branching")
        .add_node(step("a"))
        .add_node(step("large"))
        .add_node(step("small"))
        .add_edge_when("a", "large", "the total is large", |state| state.total > 10)
        .add_edge("a", "small")
        .add_edge("large", END)
        .add_edge("small", END)
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_replay_runs_again_from_a_checkpoint_and_a_fork_from_a_changed_one() {
    let (graph, services, store) = (branching(), Services::default(), MemoryCheckpoints::default());
    let thread = ThreadId::new("1");
    let run = Run::new(&graph, &services).checkpoints(&store, Durability::Always);
    let report = run.start(&thread, State::default()).await.unwrap();
    assert_eq!(report.state.trace, ["a", "small"]);

    let replay = ThreadId::new("2");
    graph.fork(&store, &thread, 1, &replay, None).await.unwrap();
    assert_eq!(run.resume(&replay).await.unwrap().state.trace, ["a", "small"]);
    assert_eq!((services.count("a"), services.count("small")), (1, 2), "only what follows runs again");

    let fork = ThreadId::new("3");
    let change = Update { total: Some(11), ..Update::default() };
    graph.fork(&store, &thread, 0, &fork, Some(change)).await.unwrap();
    assert_eq!(run.resume(&fork).await.unwrap().state.trace, ["a", "large"]);

    assert_eq!(store.history(&thread).await.unwrap(), [0, 1, 2], "the first run stays as it was");
    assert_eq!(graph.state_at(&store, &thread, None).await.unwrap().state.trace, ["a", "small"]);
    graph.fork(&store, &thread, 9, &ThreadId::new("4"), None).await.unwrap_err();
}
