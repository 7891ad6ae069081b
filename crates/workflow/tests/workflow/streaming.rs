//! Streams of updates and of a node's own events; leaving and coming back.

use std::sync::Arc;

use serde_json::json;
use workflow::{Context, END, Event, EventLog, EventSink as _, Run, ThreadId};

use crate::fixture::{Builder, Graph, Recorded, Services, State, function, step, traced};

fn talking() -> Graph {
    let talk = function("talk", |_, context: &Context<'_, Services>| {
        Box::pin(async move {
            for word in ["one", "two"] {
                context.emit(json!(word)).await.map_err(|_| crate::fixture::failure("nobody listens"))?;
            }
            Ok(traced("talk"))
        })
    });
    Builder::new("talking")
        .add_node(talk)
        .add_node(step("end"))
        .add_edge("talk", "end")
        .add_edge("end", END)
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_stream_has_steps_updates_and_custom_events_in_order() {
    let (graph, services, events) = (talking(), Services::default(), Recorded::default());
    Run::new(&graph, &services).events(&events).start(&ThreadId::new("1"), State::default()).await.unwrap();
    let kinds: Vec<_> = events
        .events()
        .iter()
        .map(|event| serde_json::to_value(event).unwrap()["event"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(
        kinds,
        [
            "step_started",
            "custom",
            "custom",
            "updated",
            "step_ended",
            "step_started",
            "updated",
            "step_ended"
        ]
    );
    assert!(
        events
            .events()
            .contains(&Event::Updated { node: "talk".into(), update: json!({ "trace": ["talk"] }) })
    );
}

#[tokio::test]
async fn a_stream_is_joined_again_after_the_last_event_that_was_seen() {
    let log = Arc::new(EventLog::new(100));
    let watcher = tokio::spawn({
        let log = Arc::clone(&log);
        async move {
            let (mut seen, mut last) = (Vec::new(), 0);
            loop {
                // Each read is a connection of its own.
                let events = log.after_number(last).await;
                let Some(newest) = events.last() else { return seen };
                last = newest.number;
                seen.extend(events.into_iter().map(|event| event.number));
            }
        }
    });
    let (graph, services) = (talking(), Services::default());
    Run::new(&graph, &services).events(&*log).start(&ThreadId::new("1"), State::default()).await.unwrap();
    log.close();
    assert_eq!(watcher.await.unwrap(), [1, 2, 3, 4, 5, 6], "each event once, none missing");
    assert_eq!(log.after_number(4).await.len(), 2, "also after the end");
    assert!(log.after_number(6).await.is_empty());
}

#[tokio::test]
async fn events_that_are_no_longer_kept_show_as_a_gap() {
    let log = EventLog::after(40, 2);
    for node in ["a", "b", "c"] {
        log.emit(Event::StepStarted { node: node.into() }).await.unwrap();
    }
    let numbers: Vec<_> = log.after_number(40).await.iter().map(|event| event.number).collect();
    assert_eq!(numbers, [42, 43]);
}

#[test]
fn a_graph_is_drawn() {
    let drawing = talking().describe().mermaid();
    assert!(drawing.contains("n0[\"talk\"]") && drawing.contains("n0 --> n1"), "{drawing}");
}
