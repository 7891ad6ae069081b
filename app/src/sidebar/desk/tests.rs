use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use futures::executor::LocalPool;
use futures::task::LocalSpawnExt;
use protocol::analysis::{Delta, Done, Usage};
use protocol::native::Session;

use super::super::access::{Entry, Reason};
use super::*;
use crate::sidebar::transport::{ChallengeInfo, Later};

/// The events of one analysis, and how it ends; `None`: it hangs.
type PreparedAnswer = (Vec<AnalysisEvent>, Option<Result<(), Problem>>);

/// A transport that answers what the test prepared, and hangs where it prepared nothing.
#[derive(Default)]
struct Prepared {
    analyses: RefCell<VecDeque<PreparedAnswer>>,
    asked: RefCell<Vec<Question>>,
    dropped: Rc<Cell<u32>>,
    modes: RefCell<VecDeque<Result<Vec<ModeSummary>, Problem>>>,
    session: Option<Session>,
}

struct CountsItsDrop(Rc<Cell<u32>>);

impl Drop for CountsItsDrop {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

impl Transport for Prepared {
    fn session(&self) -> Later<'_, Option<Session>> {
        Box::pin(async { Ok(self.session.clone()) })
    }

    fn login(&self, login: Login) -> Later<'_, ChallengeInfo> {
        Box::pin(async move {
            let right = login.password == "right";
            let info = ChallengeInfo { methods: vec!["totp".into()], expires_in: 300 };
            right.then_some(info).ok_or_else(Problem::wrong_credentials)
        })
    }

    fn verify(&self, code: String) -> Later<'_, Session> {
        Box::pin(
            async move { if code == "123456" { Ok(session()) } else { Err(Problem::wrong_credentials()) } },
        )
    }

    fn logout(&self) -> Later<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn modes(&self) -> Later<'_, Vec<ModeSummary>> {
        Box::pin(async { self.modes.borrow_mut().pop_front().unwrap_or(Ok(Vec::new())) })
    }

    fn analyze(&self, question: Question, mut on_event: Box<dyn FnMut(AnalysisEvent)>) -> Later<'_, ()> {
        let counted = CountsItsDrop(self.dropped.clone());
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

/// A signed-in desk with a picture and a question.
fn with_desk(prepared: Prepared, test: impl FnOnce(Desk, Rc<Prepared>, &mut LocalPool)) {
    let owner = Owner::new();
    owner.with(|| {
        let transport = Rc::new(Prepared { session: Some(session()), ..prepared });
        let desk = Desk::new(transport.clone(), Some("second".into()));
        let mut pool = LocalPool::new();
        pool.run_until(desk.start());
        desk.take("shot.png", png());
        desk.question.set("why? ".into());
        test(desk, transport, &mut pool);
    });
}

#[test]
fn two_steps_lead_to_the_modes() {
    Owner::new().with(|| {
        let transport = Rc::new(Prepared::default());
        transport.modes.borrow_mut().push_back(Ok(vec![mode("first"), mode("second")]));
        let desk = Desk::new(transport, None);
        let mut pool = LocalPool::new();
        let login = |password: &str| Login { username: "a".into(), password: password.into() };
        pool.run_until(desk.start());
        pool.run_until(desk.sign_in(login("wrong")));
        let refused = Entry::Refused(Problem::wrong_credentials());
        assert_eq!(desk.access.get_untracked(), Access::Password(refused.clone()));
        pool.run_until(desk.sign_in(login("right")));
        pool.run_until(desk.verify("000000".into()));
        assert_eq!(desk.access.get_untracked().entry(), Some(&refused));
        pool.run_until(desk.verify("123456".into()));
        assert_eq!(desk.access.get_untracked(), Access::SignedIn(session()));
        assert_eq!(desk.mode.get_untracked(), "first");
    });
}

#[test]
fn the_remembered_mode_is_kept_while_it_exists() {
    let prepared = Prepared::default();
    prepared.modes.borrow_mut().extend([Ok(vec![mode("first"), mode("second")]), Ok(vec![mode("first")])]);
    with_desk(prepared, |desk, _, pool| {
        assert_eq!(desk.mode.get_untracked(), "second");
        pool.run_until(desk.load_modes());
        assert_eq!(desk.mode.get_untracked(), "first");
    });
}

#[test]
fn an_answer_is_gathered_and_the_question_kept() {
    let prepared = Prepared::default();
    prepared.analyses.borrow_mut().push_back((vec![delta("Be"), delta("cause"), done()], Some(Ok(()))));
    with_desk(prepared, |desk, transport, pool| {
        pool.run_until(desk.ask());
        let run = desk.run.get_untracked();
        assert!(matches!(&run, Run::Answered(answer, _) if answer.text == "Because"), "{run:?}");
        assert_eq!(transport.asked.borrow()[0].context, "why?");
        assert!(desk.picture.get_untracked().is_some());
        assert_eq!(desk.question.get_untracked(), "why? ");
    });
}

#[test]
fn an_ended_session_loses_neither_question_nor_picture() {
    let prepared = Prepared::default();
    prepared.analyses.borrow_mut().push_back((vec![], Some(Err(Problem::sign_in_required()))));
    with_desk(prepared, |desk, _, pool| {
        pool.run_until(desk.ask());
        assert_eq!(desk.access.get_untracked(), Access::Password(Entry::Told(Reason::SessionEnded)));
        assert_eq!(desk.run.get_untracked(), Run::Idle);
        assert!(desk.picture.get_untracked().is_some());
        assert_eq!(desk.question.get_untracked(), "why? ");
    });
}

#[test]
fn signing_out_leaves_nothing_behind() {
    with_desk(Prepared::default(), |desk, _, pool| {
        pool.run_until(desk.sign_out());
        assert_eq!(desk.access.get_untracked(), Access::Password(Entry::Told(Reason::SignedOut)));
        assert!(desk.picture.get_untracked().is_none());
        assert_eq!(desk.question.get_untracked(), "");
    });
}

#[test]
fn cancelling_drops_the_request_and_the_next_one_stands_alone() {
    let prepared = Prepared::default();
    prepared.analyses.borrow_mut().push_back((vec![delta("old")], None));
    prepared.analyses.borrow_mut().push_back((vec![delta("new"), done()], Some(Ok(()))));
    with_desk(prepared, |desk, transport, pool| {
        pool.spawner().spawn_local(desk.ask()).unwrap();
        pool.run_until_stalled();
        assert!(desk.is_busy());
        desk.cancel();
        assert!(matches!(desk.run.get_untracked(), Run::Cancelled(answer) if answer.text == "old"));
        pool.run_until(desk.ask());
        assert!(matches!(desk.run.get_untracked(), Run::Answered(answer, _) if answer.text == "new"));
        pool.run_until_stalled();
        assert_eq!(transport.dropped.get(), 2);
    });
}

#[test]
fn one_question_is_asked_at_a_time() {
    with_desk(Prepared::default(), |desk, transport, pool| {
        for _ in 0..2 {
            pool.spawner().spawn_local(desk.ask()).unwrap();
        }
        pool.run_until_stalled();
        assert_eq!(transport.asked.borrow().len(), 1);
        desk.cancel();
        pool.run_until_stalled();
    });
}

#[test]
fn what_is_missing_is_said_at_its_place_and_nothing_is_sent() {
    with_desk(Prepared::default(), |desk, transport, pool| {
        desk.drop_picture();
        desk.question.set("x".repeat(MAX_CONTEXT_CHARS + 1));
        pool.run_until(desk.ask());
        assert!(transport.asked.borrow().is_empty());
        assert_eq!(desk.error_of("image").get_untracked().as_deref(), Some("Add a picture first."));
        assert!(desk.error_of("context").get_untracked().unwrap().contains("4001"));
        desk.take("a", b"GIF89a".to_vec());
        assert!(desk.error_of("image").get_untracked().unwrap().contains("PNG"));
        desk.take("a", png());
        assert_eq!(desk.error_of("image").get_untracked(), None);
    });
}

#[test]
fn the_servers_word_on_a_picture_stands_at_the_picture() {
    let prepared = Prepared::default();
    // The page checks the protocol's limits; a server may have lower ones, and then says which.
    let too_large =
        Problem::new("too-large", 413, "The picture is too large").field("image", "At most 3 MB.");
    let broken = Problem::invalid_input().field("image", "It is cut off.");
    for problem in [too_large, broken] {
        prepared.analyses.borrow_mut().push_back((vec![], Some(Err(problem))));
    }
    with_desk(prepared, |desk, _, pool| {
        pool.run_until(desk.ask());
        assert_eq!(desk.error_of("image").get_untracked().as_deref(), Some("At most 3 MB."));
        pool.run_until(desk.ask());
        assert_eq!(desk.error_of("image").get_untracked().as_deref(), Some("It is cut off."));
    });
}
