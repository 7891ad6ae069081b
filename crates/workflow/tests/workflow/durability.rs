//! Durable execution: restarts, effects that take place once, draining.

use std::sync::atomic::{AtomicBool, Ordering};

use workflow::{
    CheckpointStore, Context, Durability, END, FailureCause, MemoryCheckpoints, Run, RunError, RunStatus,
    Status, ThreadId,
};

use crate::fixture::{Builder, Failure, Graph, Services, State, failure, function, step, traced};

/// Sends once, and then waits as long as the services say.
fn sending() -> Graph {
    let send = function("send", |_, context: &Context<'_, Services>| {
        Box::pin(async move {
            let sent = context.once("mail", async {
                context.services().record("mail");
                Ok::<_, Failure>("id-1".to_owned())
            });
            let id = sent.await?.map_err(|_| failure("not sent"))?;
            if context.services().record("attempt") == 1 {
                std::future::pending::<()>().await;
            }
            Ok(traced(&id))
        })
    });
    Builder::new("send")
        .add_node(step("prepare"))
        .add_node(send)
        .add_edge("prepare", "send")
        .add_edge("send", END)
        .build()
        .unwrap()
}

#[tokio::test]
async fn after_a_restart_a_run_goes_on_and_each_effect_took_place_once() {
    let (graph, services, store) = (sending(), Services::default(), MemoryCheckpoints::default());
    let thread = ThreadId::new("1");
    let run = Run::new(&graph, &services).checkpoints(&store, Durability::Always);
    {
        // The process ends after the mail was sent: the future is dropped.
        let mut running = Box::pin(run.start(&thread, State::default()));
        while services.count("attempt") == 0 {
            assert!(futures::poll!(&mut running).is_pending());
        }
    }
    assert_eq!(store.threads(RunStatus::Running).await.unwrap(), std::slice::from_ref(&thread));
    let report = run.resume(&thread).await.unwrap();
    assert_eq!(report.state.trace, ["prepare", "id-1"]);
    assert_eq!((services.count("mail"), services.count("prepare")), (1, 1));
}

#[tokio::test]
async fn an_effect_that_may_have_taken_place_is_not_repeated() {
    let send = function("send", |_, context: &Context<'_, Services>| {
        Box::pin(async move {
            let sent = context.once("mail", async {
                context.services().record("mail");
                std::future::pending::<()>().await;
                Ok::<_, Failure>(())
            });
            sent.await?.map_err(|_| failure("not sent"))?;
            Ok(traced("sent"))
        })
    });
    let graph = Builder::new("send").add_node(send).add_edge("send", END).build().unwrap();
    let (services, store, thread) = (Services::default(), MemoryCheckpoints::default(), ThreadId::new("1"));
    let run = Run::new(&graph, &services).checkpoints(&store, Durability::Always);
    {
        let mut running = Box::pin(run.start(&thread, State::default()));
        while services.count("mail") == 0 {
            assert!(futures::poll!(&mut running).is_pending());
        }
    }
    let error = run.resume(&thread).await.unwrap_err();
    assert!(
        matches!(&error, RunError::Node { cause: FailureCause::Uncertain { key }, .. } if key == "mail"),
        "{error}"
    );
    assert_eq!(services.count("mail"), 1);
}

#[tokio::test]
async fn an_effect_that_failed_is_tried_again() {
    let send = function("send", |_, context: &Context<'_, Services>| {
        Box::pin(async move {
            let sent = context.once("mail", async {
                if context.services().record("mail") == 1 { Err(Failure("refused".into())) } else { Ok(()) }
            });
            sent.await?.map_err(|_| failure("not sent"))?;
            Ok(traced("sent"))
        })
    });
    let graph = Builder::new("send").add_node(send).add_edge("send", END).build().unwrap();
    let (services, store, thread) = (Services::default(), MemoryCheckpoints::default(), ThreadId::new("1"));
    let run = Run::new(&graph, &services).checkpoints(&store, Durability::Always);
    run.start(&thread, State::default()).await.unwrap_err();
    run.resume(&thread).await.unwrap();
    assert_eq!(services.count("mail"), 2);
}

#[tokio::test]
async fn draining_stops_between_supersteps_and_another_process_goes_on() {
    static DRAIN: AtomicBool = AtomicBool::new(false);
    let stop = function("stop", |_, _| {
        Box::pin(async {
            DRAIN.store(true, Ordering::Relaxed);
            Ok(traced("stop"))
        })
    });
    let graph = Builder::new("drain")
        .add_node(stop)
        .add_node(step("end"))
        .add_edge("stop", "end")
        .add_edge("end", END)
        .build()
        .unwrap();
    for durability in [Durability::Always, Durability::AtEnd] {
        DRAIN.store(false, Ordering::Relaxed);
        let (services, store, thread) =
            (Services::default(), MemoryCheckpoints::default(), ThreadId::new("1"));
        let run = Run::new(&graph, &services).checkpoints(&store, durability);
        let report = run.start(&thread, State::default()).await.unwrap();
        assert_eq!(report.status, Status::Finished, "nobody asked this run to stop");
        let thread = ThreadId::new("2");
        DRAIN.store(false, Ordering::Relaxed);
        let draining = Run::new(&graph, &services).checkpoints(&store, durability).drain(&DRAIN);
        let report = draining.start(&thread, State::default()).await.unwrap();
        assert_eq!((report.status, report.state.trace), (Status::Drained, vec!["stop".to_owned()]));
        assert_eq!(store.status(&thread).await.unwrap(), Some(RunStatus::Running));
        let report = run.resume(&thread).await.unwrap();
        assert_eq!(report.state.trace, ["stop", "end"]);
    }
}
