//! Retries, time limits, error handlers, caches, limits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use workflow::{
    Context, END, Event, FailureCause, Graph, GraphBuilder, LimitExceeded, Limits, MemoryCache, Node,
    NodePolicy, RetryPolicy, Run, RunError, RunUsage, ThreadId,
};

use crate::fixture::{
    Builder, Failure, Recorded, Result, Services, State, failure, function, run, step, traced,
};

fn retry(attempts: u32) -> RetryPolicy<Failure> {
    RetryPolicy::with_attempts(attempts)
}

/// Fails until it was tried so often.
fn flaky(succeeds_at: usize, words: &'static str) -> impl Node<State, Services, Failure> {
    function("flaky", move |_, context| {
        Box::pin(async move {
            if context.services().record("try") < succeeds_at {
                Err(failure(words))
            } else {
                Ok(traced("flaky"))
            }
        })
    })
}

#[tokio::test(start_paused = true)]
async fn a_node_is_retried_with_growing_pauses() {
    let graph = Builder::new("retry")
        .add_node_with(flaky(4, "busy"), NodePolicy::default().retry(retry(4)))
        .add_edge("flaky", END)
        .build()
        .unwrap();
    let (services, events) = (Services::default(), Recorded::default());
    let since = tokio::time::Instant::now();
    Run::new(&graph, &services)
        .events(&events)
        .random(&|| 0.5)
        .start(&ThreadId::new("1"), State::default())
        .await
        .unwrap();
    let pauses: Vec<_> = events
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Retrying { attempt, pause, .. } => Some((attempt, pause.as_millis())),
            _ => None,
        })
        .collect();
    assert_eq!(pauses, [(2, 625), (3, 1250), (4, 2500)], "0.5, 1 and 2 s, a quarter longer by chance");
    assert_eq!(since.elapsed().as_millis(), 4375);
    let attempts = events.events().into_iter().find_map(|event| match event {
        Event::StepEnded(step) => Some(step.attempts),
        _ => None,
    });
    assert_eq!(attempts, Some(4));
}

#[tokio::test(start_paused = true)]
async fn retries_end_and_their_condition_holds() {
    for (words, expected) in [("busy", 3), ("forbidden", 1)] {
        let policy =
            retry(3).only_if(|cause| matches!(cause, FailureCause::Node(Failure(words)) if words == "busy"));
        let graph = Builder::new("retry")
            .defaults(NodePolicy::default().retry(policy))
            .add_node(flaky(9, words))
            .add_edge("flaky", END)
            .build()
            .unwrap();
        let services = Services::default();
        let error = run(&graph, &services).await.1.unwrap_err();
        assert_eq!(error.to_string(), "the node flaky failed");
        assert_eq!(services.count("try"), expected, "{words}");
    }
}

#[tokio::test]
async fn the_pause_has_an_upper_bound() {
    let policy = RetryPolicy::<Failure>::default();
    assert_eq!(policy.pause(30, 0.0), Duration::from_secs(128));
    assert_eq!(policy.pause(u32::MAX, 0.0), Duration::from_secs(128));
}

#[tokio::test(start_paused = true)]
async fn a_node_that_takes_too_long_fails() {
    let slow = || {
        function("slow", |_, _| {
            Box::pin(async {
                tokio::time::sleep(Duration::from_mins(1)).await;
                Ok(traced("slow"))
            })
        })
    };
    let limited =
        |policy| Builder::new("limit").add_node_with(slow(), policy).add_edge("slow", END).build().unwrap();
    let graph = limited(NodePolicy::default().timeout(Duration::from_secs(59)));
    let error = run(&graph, &Services::default()).await.1.unwrap_err();
    assert!(
        matches!(error, RunError::Node { cause: FailureCause::TimedOut(limit), .. } if limit.as_secs() == 59)
    );
    let graph = limited(NodePolicy::default().timeout(Duration::from_secs(61)));
    run(&graph, &Services::default()).await.1.unwrap();
}

#[tokio::test(start_paused = true)]
async fn signs_of_life_hold_the_idle_limit_off() {
    let steady = |beats: usize| {
        function("steady", move |_, context| {
            Box::pin(async move {
                for _ in 0..beats {
                    tokio::time::sleep(Duration::from_secs(4)).await;
                    context.heartbeat();
                }
                tokio::time::sleep(Duration::from_secs(if beats > 0 { 1 } else { 6 })).await;
                Ok(traced("steady"))
            })
        })
    };
    for (beats, holds) in [(5, true), (0, false)] {
        let policy = NodePolicy::default().idle_timeout(Duration::from_secs(5));
        let graph = Builder::new("idle")
            .add_node_with(steady(beats), policy)
            .add_edge("steady", END)
            .build()
            .unwrap();
        let result = run(&graph, &Services::default()).await.1;
        assert_eq!(result.is_ok(), holds);
        if let Err(error) = result {
            assert!(matches!(error, RunError::Node { cause: FailureCause::Idle(_), .. }));
        }
    }
}

#[tokio::test]
async fn a_panic_is_a_failure_that_an_error_handler_takes() {
    let panics = function("panics", |_, _| Box::pin(async { panic!("an index was wrong") }));
    let graph = Builder::new("panic")
        .add_node(panics)
        .add_node(step("handler"))
        .add_edge("panics", END)
        .add_failure_edge("panics", "handler")
        .add_edge("handler", END)
        .build()
        .unwrap();
    let (state, result) = run(&graph, &Services::default()).await;
    result.unwrap();
    assert_eq!(state.trace, ["handler"]);
}

/// Cached by the state's total; counts how often it ran.
struct Costly(Arc<AtomicU32>);

#[async_trait]
impl Node<State, Services, Failure> for Costly {
    fn name(&self) -> &'static str {
        "costly"
    }

    async fn run(&self, _: &State, _: &Context<'_, Services>) -> Result {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(traced("costly"))
    }

    fn cache_key(&self, state: &State) -> Option<String> {
        Some(state.total.to_string())
    }
}

#[tokio::test]
async fn a_cached_result_is_not_computed_again() {
    let runs = Arc::new(AtomicU32::new(0));
    let graph: Graph<State, Services, Failure> = GraphBuilder::new("cache")
        .add_node(Costly(Arc::clone(&runs)))
        .add_edge("costly", END)
        .build()
        .unwrap();
    let (services, cache) = (Services::default(), MemoryCache::new(1));
    let run = Run::new(&graph, &services).cache(&cache);
    for (total, computed) in [(1, 1), (1, 1), (2, 2), (1, 3)] {
        let state = State { total, ..State::default() };
        let report = run.start(&ThreadId::new("1"), state).await.unwrap();
        assert_eq!(report.state.trace, ["costly"]);
        assert_eq!(runs.load(Ordering::Relaxed), computed, "the cache holds one result");
    }
}

#[tokio::test]
async fn the_recursion_limit_ends_a_run() {
    let graph = Builder::new("loop")
        .add_node(step("a"))
        .add_edge("a", "a")
        .at_most(u32::MAX)
        .add_edge("a", END)
        .build()
        .unwrap();
    let services = Services::default();
    let limits = Limits { supersteps: 25, ..Limits::default() };
    let error = Run::new(&graph, &services)
        .limits(limits)
        .start(&ThreadId::new("1"), State::default())
        .await
        .unwrap_err();
    assert!(matches!(error, RunError::Limit { exceeded: LimitExceeded::Steps(25), node } if node == "a"));
    assert_eq!(services.count("a"), 25);
}

#[tokio::test]
async fn limits_of_tokens_and_cost_end_a_run() {
    let spend = function("spend", |_, context| {
        Box::pin(async move {
            context.charge(RunUsage { tokens: 400, cost: 30, ..RunUsage::default() })?;
            context.services().record("spent");
            Ok(traced("spend"))
        })
    });
    let graph = Builder::new("cost")
        .add_node(spend)
        .add_edge("spend", "spend")
        .at_most(9)
        .add_edge("spend", END)
        .build()
        .unwrap();
    for (limits, exceeded, spent) in [
        (Limits { tokens: 1_000, ..Limits::default() }, LimitExceeded::Tokens(1_000), 2),
        (Limits { cost: 100, ..Limits::default() }, LimitExceeded::Cost(100), 3),
    ] {
        let services = Services::default();
        let error = Run::new(&graph, &services)
            .limits(limits)
            .start(&ThreadId::new("1"), State::default())
            .await
            .unwrap_err();
        assert!(matches!(error, RunError::Limit { exceeded: found, .. } if found == exceeded));
        assert_eq!(services.count("spent"), spent);
    }
}

#[tokio::test]
async fn a_node_is_tested_alone() {
    let node = function("item", |_, context| {
        Box::pin(async move {
            let item: Option<String> = context.item().map_err(|_| failure("no text"))?;
            Ok(traced(&item.unwrap_or_default()))
        })
    });
    let (services, item) = (Services::default(), json!("alone"));
    let context = Context::new(&services, 0).with_item(&item);
    let output = node.run(&State::default(), &context).await.unwrap();
    assert_eq!(output.update.unwrap().trace.unwrap(), ["alone"]);
}
