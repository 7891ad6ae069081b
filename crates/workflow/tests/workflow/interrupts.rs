//! Interrupts: a node waits for a person.

use serde_json::json;
use workflow::{
    Answered, CheckpointStore, Context, Durability, END, Event, FailureCause, MemoryCheckpoints, Run,
    RunError, RunStatus, Status, ThreadId, answer, open_questions,
};

use crate::fixture::{Builder, Graph, Recorded, Services, State, function, run, step, traced};

/// Asks beside a branch that finishes meanwhile.
fn asking() -> Graph {
    let ask = function("ask", |_, context: &Context<'_, Services>| {
        Box::pin(async move {
            context.services().record("ask");
            let first = context.ask(json!({ "text": "Change it?" })).await?;
            let second = context.ask(json!({ "text": "Really?" })).await?;
            Ok(traced(&format!("{first} {second}")))
        })
    });
    Builder::new("asking")
        .add_node(step("start"))
        .add_node(ask)
        .add_node(step("beside"))
        .add_node(step("end"))
        .add_parallel_edge("start", ["ask", "beside"])
        .add_join(["ask", "beside"], "end")
        .add_edge("end", END)
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_run_waits_for_its_answers_and_goes_on() {
    for durability in [Durability::Always, Durability::AtEnd] {
        let (graph, services, store) = (asking(), Services::default(), MemoryCheckpoints::default());
        let (thread, events) = (ThreadId::new("1"), Recorded::default());
        let run = Run::new(&graph, &services).checkpoints(&store, durability).events(&events);
        let report = run.start(&thread, State::default()).await.unwrap();
        let Status::Interrupted(questions) = report.status else { panic!("{:?}", report.status) };
        assert_eq!((questions.len(), &questions[0].question), (1, &json!({ "text": "Change it?" })));
        assert_eq!(store.status(&thread).await.unwrap(), Some(RunStatus::Interrupted));
        assert_eq!(open_questions(&store, &thread).await.unwrap(), questions);

        let report = run.resume(&thread).await.unwrap();
        assert_eq!(report.status, Status::Interrupted(questions.clone()), "still the same question");
        assert_eq!(services.count("ask"), 1, "nothing runs as long as nobody has answered");

        for (number, words) in [(0, "yes"), (1, "sure")] {
            let open = open_questions(&store, &thread).await.unwrap();
            assert_eq!(open.len(), 1, "question {number}");
            let recorded = answer(&store, &thread, &open[0].id, words.into()).await.unwrap();
            assert_eq!(recorded, Answered::Recorded);
            let late = answer(&store, &thread, &open[0].id, "no".into()).await.unwrap();
            assert_eq!(late, Answered::Already);
            run.resume(&thread).await.unwrap();
        }
        let state = graph.state_at(&store, &thread, None).await.unwrap().state;
        assert_eq!(state.trace, ["start", "\"yes\" \"sure\"", "beside", "end"]);
        assert_eq!((services.count("beside"), services.count("start"), services.count("end")), (1, 1, 1));
        let asked = events.events().iter().filter(|event| matches!(event, Event::Interrupted(_))).count();
        assert_eq!(asked, 2, "each question is reported once");
    }
}

#[tokio::test]
async fn two_answers_at_once_count_once() {
    let (graph, services, store) = (asking(), Services::default(), MemoryCheckpoints::default());
    let thread = ThreadId::new("1");
    let run = Run::new(&graph, &services).checkpoints(&store, Durability::Always);
    run.start(&thread, State::default()).await.unwrap();
    let id = open_questions(&store, &thread).await.unwrap()[0].id.clone();
    let answers = futures::future::join_all((0..20).map(|n| answer(&store, &thread, &id, n.into()))).await;
    let recorded = answers.iter().filter(|answered| matches!(answered, Ok(Answered::Recorded))).count();
    assert_eq!(recorded, 1);
}

#[tokio::test]
async fn without_checkpoints_nothing_can_be_asked() {
    let error = run(&asking(), &Services::default()).await.1.unwrap_err();
    assert!(matches!(error, RunError::Node { cause: FailureCause::NoCheckpoints, .. }), "{error}");
}
