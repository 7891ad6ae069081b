//! Parallel branches, joins, maps, commands; reducers and concurrent writes.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use workflow::{Context, END, NodeOutput, RunError};

use crate::fixture::{Builder, Services, Update, failure, function, reduced, run, step, traced};

#[test]
fn reducers_combine_the_updates_of_a_channel() {
    let state = reduced(vec![
        Update { answer: Some("a".into()), total: Some(2), best: Some(7), ..Update::default() },
        Update { answer: Some("b".into()), total: Some(3), best: Some(5), ..Update::default() },
        Update { trace: Some(vec!["x".into()]), ..Update::default() },
    ]);
    assert_eq!((state.answer.as_str(), state.total, state.best), ("b", 5, 7), "last value, sum, maximum");
    assert_eq!(state.trace, ["x"]);
}

#[tokio::test]
async fn parallel_branches_run_in_one_superstep_and_join() {
    static RUNNING: AtomicUsize = AtomicUsize::new(0);
    let branch = |name| {
        function(name, move |_, _| {
            Box::pin(async move {
                RUNNING.fetch_add(1, Ordering::SeqCst);
                // Each waits for the other, so they end only if they run at the same time.
                while RUNNING.load(Ordering::SeqCst) < 2 {
                    tokio::task::yield_now().await;
                }
                Ok(traced(name))
            })
        })
    };
    let graph = Builder::new("fan-out")
        .add_node(step("start"))
        .add_node(branch("left"))
        .add_node(branch("right"))
        .add_node(step("join"))
        .add_parallel_edge("start", ["left", "right"])
        .add_join(["left", "right"], "join")
        .add_edge("join", END)
        .build()
        .unwrap();
    let (state, result) = run(&graph, &Services::default()).await;
    result.unwrap();
    assert_eq!(
        state.trace,
        ["start", "left", "right", "join"],
        "updates are applied in the order of the edges"
    );
}

#[tokio::test]
async fn a_join_waits_for_branches_of_different_lengths_and_an_edge_does_not() {
    let branches = || {
        Builder::new("uneven")
            .add_node(step("start"))
            .add_node(step("short"))
            .add_node(step("long"))
            .add_node(step("longer"))
            .add_node(step("end"))
            .add_parallel_edge("start", ["short", "long"])
            .add_edge("long", "longer")
    };
    let joined = branches().add_join(["short", "longer"], "end").add_edge("end", END).build().unwrap();
    let services = Services::default();
    run(&joined, &services).await.1.unwrap();
    assert_eq!(services.count("end"), 1);
    let loose =
        branches().add_edge("short", "end").add_edge("longer", "end").add_edge("end", END).build().unwrap();
    let services = Services::default();
    run(&loose, &services).await.1.unwrap();
    assert_eq!(services.count("end"), 2, "once for each branch");
}

#[tokio::test]
async fn two_edges_to_one_node_in_one_superstep_run_it_once() {
    let graph = Builder::new("diamond")
        .add_node(step("start"))
        .add_node(step("left"))
        .add_node(step("right"))
        .add_node(step("end"))
        .add_parallel_edge("start", ["left", "right"])
        .add_edge("left", "end")
        .add_edge("right", "end")
        .add_edge("end", END)
        .build()
        .unwrap();
    let services = Services::default();
    run(&graph, &services).await.1.unwrap();
    assert_eq!(services.count("end"), 1);
}

#[tokio::test]
async fn concurrent_writes_without_a_reducer_name_nodes_and_channel() {
    let write = |name| {
        function(name, move |_, _| {
            Box::pin(async move {
                Ok(NodeOutput::update(Update { answer: Some(name.to_owned()), ..Update::default() }))
            })
        })
    };
    let graph = Builder::new("conflict")
        .add_node(step("start"))
        .add_node(write("left"))
        .add_node(write("right"))
        .add_parallel_edge("start", ["left", "right"])
        .add_edge("left", END)
        .add_edge("right", END)
        .build()
        .unwrap();
    let (state, result) = run(&graph, &Services::default()).await;
    let error = result.unwrap_err();
    assert!(
        matches!(&error, RunError::ConcurrentWrite { channel, first, second } if channel == "answer" && first == "left" && second == "right"),
        "{error}"
    );
    assert_eq!(state.answer, "", "neither is applied");
}

#[tokio::test]
async fn a_map_runs_a_node_for_each_item() {
    let double = function("double", |_, context: &Context<'_, Services>| {
        Box::pin(async move {
            let item: i64 = context.item().map_err(|_| failure("no number"))?.unwrap_or_default();
            context.services().record("double");
            Ok(NodeOutput::update(Update { total: Some(item * 2), ..Update::default() }))
        })
    });
    let graph = Builder::new("map")
        .add_node(step("start"))
        .add_node(double)
        .add_node(step("collect"))
        .add_map_edge("start", "double", |state| state.inputs.iter().map(|item| json!(item)).collect())
        .add_edge("double", "collect")
        .add_edge("collect", END)
        .build()
        .unwrap();
    for (inputs, total) in [(vec![1, 2, 3], 12), (vec![5, 5], 20), (Vec::new(), 0)] {
        let services = Services::default();
        let mut state = reduced(vec![Update { inputs: Some(inputs.clone()), ..Update::default() }]);
        graph.run(&mut state, &services, &()).await.unwrap();
        assert_eq!(services.count("double"), inputs.len(), "equal items too");
        assert_eq!(
            (state.total, services.count("collect")),
            (total, 1),
            "collected once, also when there are none"
        );
    }
}

#[tokio::test]
async fn a_command_routes_and_updates_at_once() {
    let router = function("router", |state, _| {
        Box::pin(async move { Ok(traced("router").goto(if state.total > 0 { "plus" } else { "minus" })) })
    });
    let build = |declared: bool| {
        let builder = Builder::new("command")
            .add_node(router)
            .add_node(step("plus"))
            .add_node(step("minus"))
            .add_command("router", "plus")
            .add_edge("router", "minus")
            .add_edge("plus", END)
            .add_edge("minus", END);
        if declared { builder.add_command("router", "minus") } else { builder }.build().unwrap()
    };
    let graph = build(true);
    let mut state = reduced(vec![Update { total: Some(1), ..Update::default() }]);
    graph.run(&mut state, &Services::default(), &()).await.unwrap();
    assert_eq!(state.trace, ["router", "plus"]);
}

#[tokio::test]
async fn an_undeclared_command_is_an_error_that_names_both_nodes() {
    let router = function("router", |_, _| Box::pin(async { Ok(traced("router").goto("elsewhere")) }));
    let graph = Builder::new("command").add_node(router).add_edge("router", END).build().unwrap();
    let error = run(&graph, &Services::default()).await.1.unwrap_err();
    assert_eq!(error.to_string(), "router may not go to elsewhere");
}

#[tokio::test]
async fn a_command_is_a_bounded_loop() {
    let again = function("again", |state, _| {
        Box::pin(async move {
            let output = traced("again");
            Ok(if state.trace.len() < 3 { output.goto("again") } else { output })
        })
    });
    let graph = |most| {
        Builder::new("loop")
            .add_node(again)
            .add_command("again", "again")
            .at_most(most)
            .add_edge("again", END)
    };
    let (state, result) = run(&graph(5).build().unwrap(), &Services::default()).await;
    result.unwrap();
    assert_eq!(state.trace.len(), 4);
}
