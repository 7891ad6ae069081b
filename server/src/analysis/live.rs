//! The runs that this server has now, and their events for whoever watches.
//!
//! The events are numbered. The newest ones are kept, and beside them what all events so far come to: whoever comes back too late
//! for an event gets that instead. So a run needs bounded memory beside its answer, however many watch it and however slow.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use domain::id::{AccountId, AnalysisId};
use futures::stream::{self, BoxStream, StreamExt};
use parking_lot::Mutex;
use protocol::analysis::{AnalysisEvent, Delta, Notice, PersonQuestion, Started, Step, StepState, TextEdit};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

/// The newest events that are kept: so many, and of so many bytes of text.
const MAX_RECENT: usize = 512;
const MAX_RECENT_BYTES: usize = 256 * 1024;

/// An event for a client.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamedEvent {
    /// What the client repeats as `Last-Event-ID`.
    pub id: Option<String>,
    pub event: AnalysisEvent,
}

/// The events of one analysis, until its last event.
pub type EventStream = BoxStream<'static, StreamedEvent>;

/// By the id of the analysis.
#[derive(Debug, Default)]
pub(super) struct LiveRuns(Mutex<HashMap<AnalysisId, Arc<LiveRun>>>);

impl LiveRuns {
    pub fn find(&self, id: &AnalysisId) -> Option<Arc<LiveRun>> {
        self.0.lock().get(id).map(Arc::clone)
    }

    pub fn insert(self: &Arc<Self>, run: LiveRun) -> LiveEntry {
        let run = Arc::new(run);
        self.0.lock().insert(run.id.clone(), Arc::clone(&run));
        LiveEntry { runs: Arc::clone(self), run }
    }

    pub fn is_empty(&self) -> bool {
        self.0.lock().is_empty()
    }
}

/// A run among the live ones; no longer once this is dropped.
#[derive(Debug)]
pub(super) struct LiveEntry {
    runs: Arc<LiveRuns>,
    pub run: Arc<LiveRun>,
}

impl Drop for LiveEntry {
    fn drop(&mut self) {
        self.run.close();
        self.runs.0.lock().remove(&self.run.id);
    }
}

/// A run that this server has.
#[derive(Debug)]
pub(super) struct LiveRun {
    pub id: AnalysisId,
    pub account_id: AccountId,
    /// The part of the events' ids that tells this server's from those of the servers before it.
    attempt: i64,
    pub cancel: CancellationToken,
    /// When this server began with it.
    begun: Instant,
    /// A question was answered.
    pub answered: Notify,
    log: Mutex<Log>,
    /// The number of the newest event, and whether it is the last one.
    newest: watch::Sender<(u64, bool)>,
}

#[derive(Debug, Default)]
struct Log {
    recent: VecDeque<(u64, AnalysisEvent)>,
    bytes: usize,
    recorded: RecordedEvents,
    notices: Vec<Notice>,
    questions: Vec<PersonQuestion>,
    last: Option<AnalysisEvent>,
}

/// What the events so far come to.
#[derive(Debug, Clone, Default)]
pub(super) struct RecordedEvents {
    pub answer: String,
    pub edits: Vec<TextEdit>,
    /// The ends of the steps, in order.
    pub steps: Vec<Step>,
}

impl LiveRun {
    pub fn new(id: AnalysisId, account_id: AccountId, attempt: i64) -> Self {
        Self {
            id,
            account_id,
            attempt,
            cancel: CancellationToken::new(),
            begun: Instant::now(),
            answered: Notify::new(),
            log: Mutex::default(),
            newest: watch::Sender::new((0, false)),
        }
    }

    pub fn push(&self, event: AnalysisEvent) {
        let mut log = self.log.lock();
        let number = self.newest.borrow().0 + 1;
        log.record(&event);
        log.keep(number, event);
        drop(log);
        self.newest.send_modify(|(newest, _)| *newest = number);
    }

    /// The questions were answered, or are asked no more.
    pub fn close_questions(&self) {
        self.log.lock().questions.clear();
    }

    pub fn recorded(&self) -> RecordedEvents {
        self.log.lock().recorded.clone()
    }

    /// How long this server has had it, in milliseconds.
    pub fn elapsed_ms(&self) -> i64 {
        i64::try_from(self.begun.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    /// There will be no more events.
    fn close(&self) {
        self.newest.send_modify(|(_, closed)| *closed = true);
    }

    /// The events after the one with the id `last`, or all, and those to come.
    pub fn watch(self: &Arc<Self>, last: Option<&str>) -> EventStream {
        let seen = match last {
            None => Seen::Nothing,
            Some(id) => self.number_of(id).map_or(Seen::Something, Seen::UpTo),
        };
        let state = (Arc::clone(self), seen, VecDeque::new());
        stream::unfold(state, |(run, mut seen, mut queue)| async move {
            if queue.is_empty() {
                queue = run.next(&mut seen).await;
            }
            let event = queue.pop_front()?;
            Some((event, (run, seen, queue)))
        })
        .boxed()
    }

    fn number_of(&self, id: &str) -> Option<u64> {
        let (attempt, number) = id.split_once('.')?;
        (attempt.parse() == Ok(self.attempt)).then(|| number.parse().ok())?
    }

    /// Waits for the next events. Empty: there are none and will be none.
    async fn next(&self, seen: &mut Seen) -> VecDeque<StreamedEvent> {
        let number = match seen {
            Seen::Nothing | Seen::Something => 0,
            Seen::UpTo(number) => *number,
        };
        let mut newest = self.newest.subscribe();
        // The sender is a field of `self`, so waiting cannot fail.
        let _ = newest.wait_for(|(newest, closed)| *newest > number || *closed).await;
        let log = self.log.lock();
        let Some((first, _)) = log.recent.front() else { return VecDeque::new() };
        let newest = log.recent.back().map_or(*first, |(newest, _)| *newest);
        let id = |number: u64| Some(format!("{}.{number}", self.attempt));
        let missed = match seen {
            Seen::Nothing => *first > 1,
            Seen::Something => true,
            Seen::UpTo(number) => *first > *number + 1,
        };
        let events = if missed {
            let mut events: VecDeque<_> = log.whole(&self.id);
            // With the last one of them the client has all of them.
            if let Some(last) = events.back_mut() {
                last.id = id(newest);
            }
            events
        } else {
            let new = log.recent.iter().filter(|(at, _)| *at > number);
            new.map(|(number, event)| StreamedEvent { id: id(*number), event: event.clone() }).collect()
        };
        *seen = Seen::UpTo(newest.max(number));
        events
    }
}

/// What a watcher has seen.
#[derive(Debug, Clone, Copy)]
enum Seen {
    Nothing,
    /// Events of another server, or unknown ones.
    Something,
    UpTo(u64),
}

impl Log {
    fn record(&mut self, event: &AnalysisEvent) {
        let recorded = &mut self.recorded;
        match event {
            AnalysisEvent::Delta(delta) => recorded.answer.push_str(&delta.text),
            AnalysisEvent::Edit(edit) => recorded.edits.push(edit.clone()),
            AnalysisEvent::Reasoning(reasoning) if reasoning.retracts => recorded.answer.clear(),
            AnalysisEvent::Step(step) if step.state != StepState::Started => {
                recorded.steps.push(step.clone());
            }
            AnalysisEvent::Notice(notice) => {
                if !self.notices.contains(notice) {
                    self.notices.push(notice.clone());
                }
            }
            AnalysisEvent::Question(question) => self.questions.push(question.clone()),
            AnalysisEvent::Done(_) | AnalysisEvent::Error(_) => self.last = Some(event.clone()),
            AnalysisEvent::Queued(_)
            | AnalysisEvent::Reasoning(_)
            | AnalysisEvent::Started(_)
            | AnalysisEvent::Step(_) => {}
        }
    }

    fn keep(&mut self, number: u64, event: AnalysisEvent) {
        self.bytes += size_of_text(&event);
        self.recent.push_back((number, event));
        while self.recent.len() > 1 && (self.recent.len() > MAX_RECENT || self.bytes > MAX_RECENT_BYTES) {
            if let Some((_, dropped)) = self.recent.pop_front() {
                self.bytes -= size_of_text(&dropped);
            }
        }
    }

    /// What all events so far come to.
    fn whole(&self, id: &AnalysisId) -> VecDeque<StreamedEvent> {
        let events = whole_answer(id, &self.recorded)
            .chain(self.notices.iter().cloned().map(AnalysisEvent::Notice))
            .chain(self.questions.iter().cloned().map(AnalysisEvent::Question))
            .chain(self.last.clone());
        events.map(|event| StreamedEvent { id: None, event }).collect()
    }
}

/// Events that tell a client a whole answer, in place of what it may have of it.
pub(super) fn whole_answer(
    id: &AnalysisId,
    recorded: &RecordedEvents,
) -> impl Iterator<Item = AnalysisEvent> + use<> {
    let started =
        AnalysisEvent::Started(Started { analysis_id: id.to_string(), conversation: String::new() });
    let RecordedEvents { answer, edits, steps } = recorded.clone();
    let answer = (!answer.is_empty()).then_some(AnalysisEvent::Delta(Delta { text: answer }));
    std::iter::once(started)
        .chain(steps.into_iter().map(AnalysisEvent::Step))
        .chain(answer)
        .chain(edits.into_iter().map(AnalysisEvent::Edit))
}

fn size_of_text(event: &AnalysisEvent) -> usize {
    match event {
        AnalysisEvent::Delta(delta) => delta.text.len(),
        AnalysisEvent::Reasoning(reasoning) => reasoning.text.len(),
        AnalysisEvent::Edit(edit) => edit.original.len() + edit.replacement.len() + edit.rationale.len(),
        AnalysisEvent::Question(question) => question.text.len(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
