//! Watching a run.

use protocol::Problem;
use protocol::analysis::Reasoning;

use super::*;

fn run() -> Arc<LiveRun> {
    Arc::new(LiveRun::new("a".parse().unwrap(), "anna".parse().unwrap(), 2))
}

fn delta(text: &str) -> AnalysisEvent {
    AnalysisEvent::Delta(Delta { text: text.to_owned() })
}

fn ended() -> AnalysisEvent {
    AnalysisEvent::Error(Problem::internal())
}

/// What a client shows after these events.
fn shown(before: &str, events: &[StreamedEvent]) -> String {
    events.iter().fold(before.to_owned(), |mut shown, event| {
        match &event.event {
            AnalysisEvent::Delta(delta) => shown.push_str(&delta.text),
            AnalysisEvent::Started(_) => shown.clear(),
            _ => {}
        }
        shown
    })
}

async fn next(stream: &mut EventStream, count: usize) -> Vec<StreamedEvent> {
    stream.take(count).collect().await
}

#[tokio::test]
async fn a_stream_is_joined_again_after_the_last_event_that_was_seen() {
    let run = run();
    for text in ["a", "b", "c"] {
        run.push(delta(text));
    }
    let mut first = run.watch(None);
    let seen = next(&mut first, 2).await;
    assert_eq!(shown("", &seen), "ab");
    let id = seen[1].id.clone().unwrap();
    drop(first);
    run.push(ended());
    let rest: Vec<_> = run.watch(Some(&id)).take(2).collect().await;
    assert_eq!((shown("ab", &rest), &rest[1].event), ("abc".to_owned(), &ended()));
}

#[tokio::test]
async fn who_comes_too_late_or_from_another_server_gets_the_whole_answer() {
    let run = run();
    let text: String = (0..2_000_u32).flat_map(|number| [number.to_string(), " ".to_owned()]).collect();
    for word in text.split_inclusive(' ') {
        run.push(delta(word));
    }
    assert!(run.log.lock().recent.len() <= MAX_RECENT);
    for (id, before) in [(Some("2.3"), "0 1 2 "), (Some("1.900"), "x"), (Some("nonsense"), "x"), (None, "")] {
        let mut watching = run.watch(id);
        let events = next(&mut watching, 2).await;
        assert_eq!(shown(before, &events), text, "{id:?}");
        let last = events.last().unwrap().id.as_deref();
        assert_eq!(last, Some("2.2000"), "with the last of them a client has all");
        assert!(events[..events.len() - 1].iter().all(|event| event.id.is_none()));
    }
}

#[tokio::test]
async fn slow_watchers_do_not_hold_a_run_and_all_see_its_end() {
    let run = run();
    let runs = Arc::new(LiveRuns::default());
    let id: AnalysisId = "a".parse().unwrap();
    let entry = runs.insert(LiveRun::new(id.clone(), "anna".parse().unwrap(), 1));
    let live = runs.find(&id).unwrap();
    let watchers: Vec<_> = (0..50).map(|_| live.watch(None)).collect();
    for _ in 0..1_000 {
        live.push(delta("xy"));
    }
    live.push(ended());
    drop(entry);
    assert!(runs.is_empty());
    for watcher in watchers {
        let events: Vec<_> = watcher.collect().await;
        assert_eq!(shown("", &events).len(), 2_000);
        assert_eq!(events.last().map(|event| &event.event), Some(&ended()));
    }
    let large = "x".repeat(100_000);
    for _ in 0..100 {
        run.push(AnalysisEvent::Reasoning(Reasoning { text: large.clone(), retracts: false }));
    }
    assert!(run.log.lock().bytes <= MAX_RECENT_BYTES);
}

#[tokio::test]
async fn a_watcher_waits_for_what_is_to_come() {
    let run = run();
    let mut watching = run.watch(None);
    let (events, ()) = tokio::join!(next(&mut watching, 1), async { run.push(delta("late")) });
    assert_eq!(shown("", &events), "late");
    run.close();
    assert_eq!(watching.next().await, None);
}
