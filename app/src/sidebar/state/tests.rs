use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use futures::executor::LocalPool;
use futures::task::LocalSpawnExt;
use protocol::analysis::{Delta, Done, Usage};
use protocol::native::Session;

use super::super::access::{Entry, Reason};
use super::*;
use crate::sidebar::transport::{ChallengeInfo, TransportFuture};

/// The events of one analysis, and how it ends; `None`: it hangs.
type PreparedAnswer = (Vec<AnalysisEvent>, Option<Result<(), Problem>>);

/// A transport that returns what the test prepared, and hangs otherwise.
#[derive(Default)]
struct Prepared {
    analyses: RefCell<VecDeque<PreparedAnswer>>,
    asked: RefCell<Vec<Question>>,
    dropped: Rc<Cell<u32>>,
    modes: RefCell<VecDeque<Result<Vec<ModeSummary>, Problem>>>,
    session: Option<Session>,
}

struct DropCounter(Rc<Cell<u32>>);

impl Drop for DropCounter {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

impl Transport for Prepared {
    fn session(&self) -> TransportFuture<'_, Option<Session>> {
        Box::pin(async { Ok(self.session.clone()) })
    }

    fn login(&self, login: Login) -> TransportFuture<'_, ChallengeInfo> {
        Box::pin(async move {
            let right = login.password.expose() == "right";
            let info = ChallengeInfo { methods: vec!["totp".into()], expires_in: 300 };
            right.then_some(info).ok_or_else(Problem::wrong_credentials)
        })
    }

    fn verify(&self, code: String) -> TransportFuture<'_, Session> {
        Box::pin(
            async move { if code == "123456" { Ok(session()) } else { Err(Problem::wrong_credentials()) } },
        )
    }

    fn logout(&self) -> TransportFuture<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn modes(&self) -> TransportFuture<'_, Vec<ModeSummary>> {
        Box::pin(async { self.modes.borrow_mut().pop_front().unwrap_or(Ok(Vec::new())) })
    }

    fn analyze(
        &self,
        question: Question,
        mut on_event: Box<dyn FnMut(AnalysisEvent)>,
    ) -> TransportFuture<'_, ()> {
        let counted = DropCounter(self.dropped.clone());
        Box::pin(async move {
            let _counted = counted;
            self.asked.borrow_mut().push(question);
            let next = self.analyses.borrow_mut().pop_front();
            let (events, ended) = next.unwrap_or_default();
            events.into_iter().for_each(&mut on_event);
            match ended {
                Some(ended) => ended,
                None => std::future::pending().await,
            }
        })
    }
}

fn session() -> Session {
    Session { email: "a@example.org".into(), device_name: "Laptop".into(), expires_at: 1 }
}

fn mode(id: &str) -> ModeSummary {
    ModeSummary { id: id.into(), name: id.into(), description: String::new() }
}

fn delta(text: &str) -> AnalysisEvent {
    AnalysisEvent::Delta(Delta { text: text.into() })
}

fn done() -> AnalysisEvent {
    AnalysisEvent::Done(Done {
        analysis_id: "1".into(),
        mode: "general".into(),
        provider: "reader".into(),
        model: String::new(),
        usage: Usage::default(),
        ms: 5,
    })
}

fn png() -> Vec<u8> {
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x02\0\0\0\x03".to_vec()
}

/// A signed-in sidebar with a picture and a question.
fn with_state(prepared: Prepared, test: impl FnOnce(SidebarState, Rc<Prepared>, &mut LocalPool)) {
    let owner = Owner::new();
    owner.with(|| {
        let transport = Rc::new(Prepared { session: Some(session()), ..prepared });
        let state = SidebarState::new(transport.clone(), Some("second".into()));
        let mut pool = LocalPool::new();
        pool.run_until(state.start());
        state.accept_file("shot.png", png());
        state.question.set("why? ".into());
        test(state, transport, &mut pool);
    });
}

#[test]
fn signing_in_loads_the_modes() {
    Owner::new().with(|| {
        let transport = Rc::new(Prepared::default());
        transport.modes.borrow_mut().push_back(Ok(vec![mode("first"), mode("second")]));
        let state = SidebarState::new(transport, None);
        let mut pool = LocalPool::new();
        let login = |password: &str| Login { username: "a".into(), password: password.into() };
        pool.run_until(state.start());
        pool.run_until(state.sign_in(login("wrong")));
        let refused = Entry::Refused(Problem::wrong_credentials());
        assert_eq!(state.access.get_untracked(), Access::Password(refused.clone()));
        pool.run_until(state.sign_in(login("right")));
        pool.run_until(state.verify("000000".into()));
        assert_eq!(state.access.get_untracked().entry(), Some(&refused));
        pool.run_until(state.verify("123456".into()));
        assert_eq!(state.access.get_untracked(), Access::SignedIn(session()));
        assert_eq!(state.mode.get_untracked(), "first");
    });
}

#[test]
fn the_remembered_mode_is_kept_while_it_exists() {
    let prepared = Prepared::default();
    prepared.modes.borrow_mut().extend([Ok(vec![mode("first"), mode("second")]), Ok(vec![mode("first")])]);
    with_state(prepared, |state, _, pool| {
        assert_eq!(state.mode.get_untracked(), "second");
        pool.run_until(state.load_modes());
        assert_eq!(state.mode.get_untracked(), "first");
    });
}

#[test]
fn an_answer_is_collected_and_the_question_kept() {
    let prepared = Prepared::default();
    prepared.analyses.borrow_mut().push_back((vec![delta("Be"), delta("cause"), done()], Some(Ok(()))));
    with_state(prepared, |state, transport, pool| {
        pool.run_until(state.ask());
        let run = state.run.get_untracked();
        assert!(matches!(&run, Run::Answered(answer, _) if answer.text == "Because"), "{run:?}");
        assert_eq!(transport.asked.borrow()[0].context, "why?");
        assert!(state.picture.get_untracked().is_some());
        assert_eq!(state.question.get_untracked(), "why? ");
    });
}

#[test]
fn an_ended_session_loses_neither_question_nor_picture() {
    let prepared = Prepared::default();
    prepared.analyses.borrow_mut().push_back((vec![], Some(Err(Problem::sign_in_required()))));
    with_state(prepared, |state, _, pool| {
        pool.run_until(state.ask());
        assert_eq!(state.access.get_untracked(), Access::Password(Entry::Notice(Reason::SessionEnded)));
        assert_eq!(state.run.get_untracked(), Run::Idle);
        assert!(state.picture.get_untracked().is_some());
        assert_eq!(state.question.get_untracked(), "why? ");
    });
}

#[test]
fn signing_out_leaves_nothing_behind() {
    with_state(Prepared::default(), |state, _, pool| {
        pool.run_until(state.sign_out());
        assert_eq!(state.access.get_untracked(), Access::Password(Entry::Notice(Reason::SignedOut)));
        assert!(state.picture.get_untracked().is_none());
        assert_eq!(state.question.get_untracked(), "");
    });
}

#[test]
fn cancelling_drops_the_request_and_does_not_affect_the_next() {
    let prepared = Prepared::default();
    prepared.analyses.borrow_mut().push_back((vec![delta("old")], None));
    prepared.analyses.borrow_mut().push_back((vec![delta("new"), done()], Some(Ok(()))));
    with_state(prepared, |state, transport, pool| {
        pool.spawner().spawn_local(state.ask()).unwrap();
        pool.run_until_stalled();
        assert!(state.is_busy());
        state.cancel();
        assert!(matches!(state.run.get_untracked(), Run::Cancelled(answer) if answer.text == "old"));
        pool.run_until(state.ask());
        assert!(matches!(state.run.get_untracked(), Run::Answered(answer, _) if answer.text == "new"));
        pool.run_until_stalled();
        assert_eq!(transport.dropped.get(), 2);
    });
}

#[test]
fn one_question_is_asked_at_a_time() {
    with_state(Prepared::default(), |state, transport, pool| {
        for _ in 0..2 {
            pool.spawner().spawn_local(state.ask()).unwrap();
        }
        pool.run_until_stalled();
        assert_eq!(transport.asked.borrow().len(), 1);
        state.cancel();
        pool.run_until_stalled();
    });
}

#[test]
fn missing_input_is_reported_at_its_field_and_nothing_is_sent() {
    with_state(Prepared::default(), |state, transport, pool| {
        state.remove_picture();
        state.question.set("x".repeat(MAX_CONTEXT_CHARS + 1));
        pool.run_until(state.ask());
        assert!(transport.asked.borrow().is_empty());
        assert_eq!(state.error_of("image").get_untracked().as_deref(), Some("Add a picture first."));
        assert!(state.error_of("context").get_untracked().unwrap().contains("4001"));
        state.accept_file("a", b"GIF89a".to_vec());
        assert!(state.error_of("image").get_untracked().unwrap().contains("PNG"));
        state.accept_file("a", png());
        assert_eq!(state.error_of("image").get_untracked(), None);
    });
}

#[test]
fn the_servers_error_about_a_picture_is_shown_at_the_picture() {
    let prepared = Prepared::default();
    // The page checks the protocol's limits; a server may have lower ones, and then says which.
    let too_large =
        Problem::new("too-large", 413, "The picture is too large").field("image", "At most 3 MB.");
    let broken = Problem::invalid_input().field("image", "It is cut off.");
    for problem in [too_large, broken] {
        prepared.analyses.borrow_mut().push_back((vec![], Some(Err(problem))));
    }
    with_state(prepared, |state, _, pool| {
        pool.run_until(state.ask());
        assert_eq!(state.error_of("image").get_untracked().as_deref(), Some("At most 3 MB."));
        pool.run_until(state.ask());
        assert_eq!(state.error_of("image").get_untracked().as_deref(), Some("It is cut off."));
    });
}
