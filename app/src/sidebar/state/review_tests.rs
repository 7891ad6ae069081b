use std::cell::RefCell;
use std::rc::Rc;

use futures::executor::block_on;
use leptos::prelude::*;
use protocol::Problem;
use protocol::analysis::{AnalysisEvent, Done, PersonAnswer, TextEdit, Usage};
use protocol::desktop::{HotkeyStatus, LookedAt, ReviewEdits, ReviewedEdits, TargetSummary};
use protocol::edit::{EditOutcome, Method, ReadBack, Stopped};
use protocol::mode::ModeSummary;
use protocol::native::{Login, Session};

use super::super::*;
use crate::sidebar::transport::{Captured, ChallengeInfo, Question, Transport, TransportFuture};

/// A desktop program: one window in front, one answer with one edit.
struct Program {
    front: LookedAt,
    outcomes: RefCell<Vec<Result<EditOutcome, Problem>>>,
    asked: RefCell<Vec<ReviewEdits>>,
    keys: Option<&'static str>,
}

impl Transport for Program {
    fn session(&self) -> TransportFuture<'_, Option<Session>> {
        Box::pin(async { Ok(None) })
    }

    fn login(&self, _: Login) -> TransportFuture<'_, ChallengeInfo> {
        Box::pin(async { Err(Problem::wrong_credentials()) })
    }

    fn verify(&self, _: String) -> TransportFuture<'_, Session> {
        Box::pin(async { Err(Problem::wrong_credentials()) })
    }

    fn logout(&self) -> TransportFuture<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn modes(&self) -> TransportFuture<'_, Vec<ModeSummary>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn analyze(&self, _: Question, mut on_event: Box<dyn FnMut(AnalysisEvent)>) -> TransportFuture<'_, ()> {
        on_event(AnalysisEvent::Edit(edit()));
        on_event(AnalysisEvent::Done(Done {
            analysis_id: "a-1".into(),
            conversation: String::new(),
            mode: "m".into(),
            provider: "talker".into(),
            model: "talker-1".into(),
            usage: Usage { prompt_tokens: 0, completion_tokens: 0 },
            cut: None,
            ms: 1,
        }));
        Box::pin(async { Ok(()) })
    }

    fn answer(&self, _: String, _: PersonAnswer) -> TransportFuture<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn capture(&self) -> Option<TransportFuture<'_, Captured>> {
        let front = Some(self.front.clone());
        let (id, monitor, preview) = ("frame-1".to_owned(), "m".to_owned(), vec![1]);
        Some(Box::pin(async { Ok(Captured { id, width: 4, height: 3, monitor, preview, front }) }))
    }

    fn can_capture(&self) -> bool {
        true
    }

    fn review(&self, review: ReviewEdits) -> Option<TransportFuture<'_, ReviewedEdits>> {
        self.asked.borrow_mut().push(review);
        let outcome = self.outcomes.borrow_mut().remove(0);
        Some(Box::pin(async {
            Ok(ReviewedEdits { outcome: outcome?, text: "the".into(), refusal: None, recorded: true })
        }))
    }

    fn can_review(&self) -> bool {
        true
    }

    fn watch_hotkey(&self, pressed: Box<dyn Fn()>) -> Option<TransportFuture<'_, HotkeyStatus>> {
        let keys = self.keys?;
        pressed();
        Some(Box::pin(async move { Ok(HotkeyStatus { keys: keys.into(), problem: None }) }))
    }
}

fn edit() -> TextEdit {
    TextEdit {
        id: "1".into(),
        original: "teh".into(),
        replacement: "the".into(),
        rationale: String::new(),
        outcome: None,
    }
}

fn window() -> TargetSummary {
    TargetSummary {
        program: "Mousepad".into(),
        title: "a.txt".into(),
        text_chars: Some(20),
        text_complete: true,
        selection_chars: 3,
        selection_sent: true,
    }
}

/// Looked at, asked, and answered with an edit.
fn answered(front: LookedAt, outcomes: Vec<Result<EditOutcome, Problem>>) -> (SidebarState, Rc<Program>) {
    let asked = RefCell::default();
    let program = Rc::new(Program { front, outcomes: RefCell::new(outcomes), asked, keys: None });
    let state = SidebarState::new(program.clone(), None, None);
    block_on(state.capture_screen());
    state.question.set("Correct it.".into());
    block_on(state.ask());
    (state, program)
}

fn inserted() -> EditOutcome {
    EditOutcome::Inserted { method: Method::Paste, read_back: ReadBack::Exact, chosen: 1, changes: 1 }
}

#[test]
fn edits_are_reviewed_for_the_window_that_was_looked_at_until_they_are_typed() {
    let owner = Owner::new();
    owner.with(|| {
        let stopped = EditOutcome::Stopped { reason: Stopped::WindowChanged };
        let outcomes = vec![Ok(stopped), Err(Problem::conflict("Another.")), Ok(inserted())];
        let (state, program) = answered(LookedAt::Window(window()), outcomes);
        let reviewable = state.reviewable().unwrap();
        assert_eq!((reviewable.looked.as_str(), reviewable.target), ("frame-1", window()));

        block_on(state.review_edits());
        assert_eq!(state.review.get_untracked().text_to_copy().as_deref(), Some("the"));
        block_on(state.review_edits());
        assert!(matches!(state.review.get_untracked(), Review::Failed(_)));
        block_on(state.review_edits());
        assert!(state.review.get_untracked().is_good());
        block_on(state.review_edits());
        let asked = program.asked.borrow();
        assert_eq!(asked.len(), 3, "what was typed is not typed again");
        assert!(
            asked
                .iter()
                .all(|asked| (asked.looked.as_str(), asked.analysis_id.as_str()) == ("frame-1", "a-1"))
        );
        assert_eq!(asked[0].edits, [edit()]);
    });
}

#[test]
fn without_a_window_or_its_selection_nothing_can_be_typed() {
    let owner = Owner::new();
    owner.with(|| {
        let unselected = TargetSummary { selection_sent: false, ..window() };
        for front in [LookedAt::LeftOut, LookedAt::Nothing, LookedAt::Screen, LookedAt::Window(unselected)] {
            let (state, program) = answered(front, Vec::new());
            assert_eq!(state.reviewable(), None);
            block_on(state.review_edits());
            assert!(program.asked.borrow().is_empty());
        }
        // A picture that was chosen later does not change what the answer is about.
        let (state, _) = answered(LookedAt::Window(window()), Vec::new());
        state.remove_picture();
        assert!(state.reviewable().is_some());
    });
}

#[test]
fn the_hotkey_is_told() {
    let owner = Owner::new();
    owner.with(|| {
        let program = |keys| Program {
            front: LookedAt::Nothing,
            outcomes: RefCell::default(),
            asked: RefCell::default(),
            keys,
        };
        let pressed = Rc::new(std::cell::Cell::new(0));
        let count = || {
            let pressed = pressed.clone();
            Box::new(move || pressed.set(pressed.get() + 1))
        };
        let state = SidebarState::new(Rc::new(program(Some("Ctrl+K"))), None, None);
        block_on(state.watch_hotkey(count()));
        assert_eq!((state.hotkey.get_untracked().keys.as_str(), pressed.get()), ("Ctrl+K", 1));
        let state = SidebarState::new(Rc::new(program(None)), None, None);
        block_on(state.watch_hotkey(count()));
        assert_eq!((state.hotkey.get_untracked(), pressed.get()), (HotkeyStatus::default(), 1));
    });
}
