use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use futures::executor::LocalPool;
use futures::task::LocalSpawnExt;
use protocol::analysis::{CutReason, Delta, Done, PersonAnswer, Usage};
use protocol::conversation::ConversationSummary;
use protocol::native::Session;

use super::super::access::{Entry, Reason};
use super::*;
use crate::response::unreachable;
use crate::sidebar::history::{ExportFormat, RecordedAnalysis, RecordedConversation};
use crate::sidebar::run::Light;
use crate::sidebar::transport::{ChallengeInfo, Conversations, PAGE, TransportFuture};

/// The events of one analysis, and how it ends; `None`: it hangs.
type PreparedAnswer = (Vec<AnalysisEvent>, Option<Result<(), Problem>>);

/// A transport that returns what the test prepared, and hangs otherwise.
#[derive(Default)]
struct Prepared {
    analyses: RefCell<VecDeque<PreparedAnswer>>,
    asked: RefCell<Vec<Question>>,
    dropped: Rc<Cell<u32>>,
    conversations: RefCell<Vec<RecordedConversation>>,
    /// What the next request about conversations fails with.
    conversations_fail: RefCell<Option<Problem>>,
    opened: RefCell<Vec<String>>,
    modes: RefCell<VecDeque<Result<Vec<ModeSummary>, Problem>>>,
    session: Option<Session>,
    /// How often the server cannot be reached before it tells the session.
    away: Cell<u32>,
}

struct DropCounter(Rc<Cell<u32>>);

impl Drop for DropCounter {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

impl Transport for Prepared {
    fn session(&self) -> TransportFuture<'_, Option<Session>> {
        Box::pin(async {
            match self.away.get() {
                0 => Ok(self.session.clone()),
                times => {
                    self.away.set(times - 1);
                    Err(unreachable())
                }
            }
        })
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

    fn answer(&self, _: String, _: PersonAnswer) -> TransportFuture<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn conversations(&self) -> Option<&dyn Conversations> {
        Some(self)
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

impl Conversations for Prepared {
    fn list(&self, search: String, page: u32) -> TransportFuture<'_, Vec<ConversationSummary>> {
        Box::pin(async move {
            self.fail()?;
            let all = self.conversations.borrow();
            let found = all.iter().rev().map(|one| one.summary.clone());
            let found = found.filter(|one| one.title.contains(&search));
            Ok(found.skip(page as usize * PAGE).take(PAGE).collect())
        })
    }

    fn open(&self, id: String) -> TransportFuture<'_, RecordedConversation> {
        Box::pin(async move {
            self.fail()?;
            self.opened.borrow_mut().push(id.clone());
            let all = self.conversations.borrow();
            all.iter().find(|one| one.summary.id == id).cloned().ok_or_else(Problem::not_found)
        })
    }

    fn rename(&self, id: String, title: String) -> TransportFuture<'_, ()> {
        Box::pin(async move {
            self.fail()?;
            let mut all = self.conversations.borrow_mut();
            let found = all.iter_mut().find(|one| one.summary.id == id).ok_or_else(Problem::not_found)?;
            found.summary.title = title;
            Ok(())
        })
    }

    fn delete(&self, id: String) -> TransportFuture<'_, ()> {
        Box::pin(async move {
            self.fail()?;
            self.conversations.borrow_mut().retain(|one| one.summary.id != id);
            Ok(())
        })
    }

    fn export(&self, id: String, format: ExportFormat) -> TransportFuture<'_, String> {
        Box::pin(async move {
            self.fail()?;
            Ok(format!("{id} as {}", format.as_str()))
        })
    }
}

impl Prepared {
    fn fail(&self) -> Result<(), Problem> {
        self.conversations_fail.borrow_mut().take().map_or(Ok(()), Err)
    }
}

fn session() -> Session {
    Session { email: "a@example.org".into(), device_name: "Laptop".into(), expires_at: 1 }
}

fn mode(id: &str) -> ModeSummary {
    ModeSummary { id: id.into(), name: id.into(), description: String::new(), edits_allowed: false }
}

fn delta(text: &str) -> AnalysisEvent {
    AnalysisEvent::Delta(Delta { text: text.into() })
}

fn done() -> AnalysisEvent {
    AnalysisEvent::Done(Done {
        analysis_id: "1".into(),
        conversation: "c9".into(),
        mode: "general".into(),
        provider: "reader".into(),
        model: String::new(),
        usage: Usage::default(),
        ms: 5,
        cut: None,
    })
}

fn png() -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x02\0\0\0\x03\x08\0\0\0\0\x9c\x81\x81\x5d".to_vec();
    bytes.extend(b"\0\0\0\0IDAT....\0\0\0\0IEND....");
    bytes
}

/// A signed-in sidebar with a picture and a question.
fn with_state(prepared: Prepared, test: impl FnOnce(SidebarState, Rc<Prepared>, &mut LocalPool)) {
    let owner = Owner::new();
    owner.with(|| {
        let transport = Rc::new(Prepared { session: Some(session()), ..prepared });
        let state = SidebarState::new(transport.clone(), Some("second".into()), None);
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
        let state = SidebarState::new(transport, None, None);
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
fn an_answer_is_collected_and_the_field_is_free_for_the_next_question() {
    let prepared = Prepared::default();
    prepared.analyses.borrow_mut().push_back((vec![delta("Be"), delta("cause"), done()], Some(Ok(()))));
    with_state(prepared, |state, transport, pool| {
        pool.run_until(state.ask());
        let run = state.run.get_untracked();
        assert!(matches!(&run, Run::Answered(answer, _) if answer.text == "Because"), "{run:?}");
        assert_eq!(transport.asked.borrow()[0].context, "why?");
        assert!(state.picture.get_untracked().is_some());
        assert_eq!(state.question.get_untracked(), "");
        assert_eq!(
            (state.conversation.get_untracked(), state.title.get_untracked()),
            ("c9".into(), "why?".into())
        );
        assert!(untrack(|| state.shows_same_picture()));
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
        assert_eq!(state.question.get_untracked(), "why?");
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
        assert_eq!(state.question.get_untracked(), "", "an answer has begun");
        pool.run_until(state.retry());
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

fn recorded(id: &str, state: &str) -> RecordedAnalysis {
    RecordedAnalysis {
        id: format!("r{id}"),
        conversation: Some("c1".into()),
        mode: "general".into(),
        context: format!("question {id}"),
        answer: format!("answer {id}"),
        state: state.into(),
        provider: "reader".into(),
        model: String::new(),
        started_at: 5,
        ms: Some(10),
        cut: None,
    }
}

fn conversation(id: &str, analyses: Vec<RecordedAnalysis>) -> RecordedConversation {
    let (title, questions) = (format!("title of {id}"), analyses.len() as u64);
    let summary = ConversationSummary { id: id.into(), title, questions, started_at: 1, asked_at: 2 };
    RecordedConversation { summary, analyses }
}

fn two_conversations() -> Prepared {
    let prepared = Prepared::default();
    let older = conversation("c0", vec![recorded("0", "finished")]);
    let all = vec![recorded("1", "finished"), recorded("2", "failed"), recorded("3", "finished")];
    prepared.conversations.borrow_mut().extend([older, conversation("c1", all)]);
    prepared
}

fn questions(state: &SidebarState) -> Vec<String> {
    state.earlier.get_untracked().into_iter().map(|earlier| earlier.question).collect()
}

fn shown(state: &SidebarState) -> String {
    state.run.with_untracked(|run| run.answer().map(|answer| answer.text.clone()).unwrap_or_default())
}

#[test]
fn the_newest_conversation_is_there_again_after_a_reload_and_goes_on() {
    let prepared = two_conversations();
    prepared.analyses.borrow_mut().push_back((vec![delta("new"), done()], Some(Ok(()))));
    with_state(prepared, |state, transport, pool| {
        assert_eq!(
            (shown(&state).as_str(), state.title.get_untracked().as_str()),
            ("answer 3", "title of c1")
        );
        assert_eq!(questions(&state), ["question 1", "question 2"]);
        pool.run_until(state.ask());
        assert_eq!(questions(&state), ["question 1", "question 2", "question 3"]);
        assert_eq!(transport.asked.borrow()[0].conversation.as_deref(), Some("c1"));
        assert_eq!(shown(&state), "new");
        pool.run_until(state.sign_out());
        assert_eq!(questions(&state), [""; 0], "the next person at this machine must not see them");
        assert_eq!(
            (state.conversation.get_untracked(), state.title.get_untracked()),
            <(String, String)>::default()
        );
        assert_eq!((state.asked_about.get_untracked(), state.history.get_untracked()), (None, None));
    });
}

#[test]
fn a_tab_shows_the_conversation_that_it_showed_before() {
    for (remembered, opened, answer) in [
        (Some("c0"), vec!["c0"], "answer 0"),
        (Some(""), vec![], ""),
        (None, vec!["c1"], "answer 3"),
        (Some("gone"), vec!["gone"], ""),
    ] {
        Owner::new().with(|| {
            let transport = Rc::new(Prepared { session: Some(session()), ..two_conversations() });
            let state = SidebarState::new(transport.clone(), None, remembered.map(str::to_owned));
            LocalPool::new().run_until(state.start());
            assert_eq!(*transport.opened.borrow(), opened, "{remembered:?}");
            assert_eq!(shown(&state), answer, "{remembered:?}");
        });
    }
}

#[test]
fn a_new_conversation_keeps_the_picture_and_follows_nothing() {
    let prepared = two_conversations();
    prepared.analyses.borrow_mut().push_back((vec![delta("new"), done()], Some(Ok(()))));
    with_state(prepared, |state, transport, pool| {
        state.new_conversation();
        assert_eq!((questions(&state).len(), state.run.get_untracked()), (0, Run::Idle));
        assert!(state.picture.get_untracked().is_some());
        pool.run_until(state.ask());
        assert_eq!(transport.asked.borrow()[0].conversation, None);
        assert_eq!(state.conversation.get_untracked(), "c9");
        // The same person signs in again.
        state.new_conversation();
        pool.run_until(state.start());
        assert_eq!(state.conversation.get_untracked(), "");
    });
}

#[test]
fn a_further_question_needs_no_picture_and_says_that_none_is_shared() {
    let prepared = two_conversations();
    prepared.analyses.borrow_mut().push_back((vec![], None));
    with_state(prepared, |state, transport, pool| {
        state.remove_picture();
        pool.spawner().spawn_local(state.ask()).unwrap();
        pool.run_until_stalled();
        assert!(transport.asked.borrow()[0].picture.is_none());
        let light = Light::of(&CaptureState::Idle, &state.run.get_untracked());
        assert_eq!(light, Light::Off, "no picture leaves");
        state.cancel();
        assert_eq!(state.question.get_untracked(), "why?", "nothing was answered");
        state.question.set(" ".into());
        pool.run_until(state.ask());
        assert!(state.error_of("context").get_untracked().is_some());
        assert_eq!(transport.asked.borrow().len(), 1);
        pool.run_until_stalled();
    });
}

#[test]
fn a_question_is_retried_and_a_cut_answer_goes_on() {
    let prepared = Prepared::default();
    let cut = AnalysisEvent::Done(Done {
        cut: Some(CutReason::Length),
        ..match done() {
            AnalysisEvent::Done(done) => done,
            _ => unreachable!(),
        }
    });
    prepared.analyses.borrow_mut().push_back((vec![delta("half"), cut], Some(Ok(()))));
    prepared.analyses.borrow_mut().push_back((vec![delta("rest"), done()], Some(Ok(()))));
    prepared.analyses.borrow_mut().push_back((vec![delta("again"), done()], Some(Ok(()))));
    with_state(prepared, |state, transport, pool| {
        pool.run_until(state.ask());
        assert!(state.run.with_untracked(Run::can_go_on));
        state.question.set("typed meanwhile".into());
        pool.run_until(state.go_on());
        assert!(!state.run.with_untracked(Run::can_go_on));
        pool.run_until(state.retry());
        let asked = transport.asked.borrow();
        let sent: Vec<_> = asked.iter().map(|q| (q.context.as_str(), q.conversation.as_deref())).collect();
        assert_eq!(sent, [("why?", None), (GO_ON, Some("c9")), (GO_ON, Some("c9"))]);
        assert_eq!(state.question.get_untracked(), "typed meanwhile");
    });
}

#[test]
fn a_conversation_that_was_deleted_elsewhere_is_left() {
    let prepared = two_conversations();
    let gone = Problem::invalid_input().field("conversation", "No longer there.");
    prepared.analyses.borrow_mut().push_back((vec![], Some(Err(gone))));
    prepared.analyses.borrow_mut().push_back((vec![delta("new"), done()], Some(Ok(()))));
    with_state(prepared, |state, transport, pool| {
        pool.run_until(state.ask());
        assert_eq!(state.question.get_untracked(), "why?");
        pool.run_until(state.ask());
        let sent: Vec<_> = transport.asked.borrow().iter().map(|q| q.conversation.clone()).collect();
        assert_eq!(sent, [Some("c1".into()), None]);
        assert_eq!(shown(&state), "new");
    });
}

#[test]
fn the_history_is_searched_opened_renamed_and_deleted() {
    with_state(two_conversations(), |state, transport, pool| {
        let titles = || {
            let list = state.history.get_untracked().unwrap();
            list.found.into_iter().map(|one| one.title).collect::<Vec<_>>()
        };
        pool.run_until(state.show_history(String::new()));
        assert_eq!(titles(), ["title of c1", "title of c0"]);
        pool.run_until(state.show_history("c0".into()));
        assert_eq!(titles(), ["title of c0"]);
        pool.run_until(state.rename_conversation("c0".into(), " Mine ".into())).unwrap();
        assert_eq!(titles(), ["Mine"]);
        let refused = pool.run_until(state.rename_conversation("c0".into(), " ".into())).unwrap_err();
        assert!(refused.error_of("title").is_some());
        pool.run_until(state.open_conversation("c0".into()));
        assert_eq!((shown(&state).as_str(), state.title.get_untracked().as_str()), ("answer 0", "Mine"));
        assert_eq!(state.history.get_untracked(), None, "the conversation is shown in its place");
        assert_eq!(
            pool.run_until(state.export_conversation("c0".into(), ExportFormat::Markdown)).unwrap(),
            "c0 as markdown"
        );
        pool.run_until(state.show_history(String::new()));
        pool.run_until(state.delete_conversation("c0".into())).unwrap();
        assert_eq!(titles(), ["title of c1"], "and the list stays");
        assert_eq!((shown(&state).as_str(), state.conversation.get_untracked().as_str()), ("", ""));
        *transport.conversations_fail.borrow_mut() = Some(Problem::internal());
        pool.run_until(state.show_history("x".into()));
        assert_eq!(state.history.get_untracked().unwrap().problem, Some(Problem::internal()));
        *transport.conversations_fail.borrow_mut() = Some(Problem::sign_in_required());
        pool.run_until(state.show_history("x".into()));
        assert_eq!(state.access.get_untracked(), Access::Password(Entry::Notice(Reason::SessionEnded)));
    });
}

#[test]
fn a_long_history_comes_in_pages() {
    let prepared = Prepared::default();
    let all = (0..PAGE + 3).map(|n| conversation(&format!("c{n}"), vec![recorded("1", "finished")]));
    prepared.conversations.borrow_mut().extend(all);
    with_state(prepared, |state, _, pool| {
        let list = || {
            let list = state.history.get_untracked().unwrap();
            (list.found.len(), list.more)
        };
        pool.run_until(state.show_history(String::new()));
        assert_eq!(list(), (PAGE, true));
        pool.run_until(state.more_history());
        assert_eq!(list(), (PAGE + 3, false));
        state.hide_history();
        assert_eq!(state.history.get_untracked(), None);
    });
}

#[test]
fn a_conversation_that_cannot_be_opened_says_so_and_is_tried_again() {
    let prepared = two_conversations();
    *prepared.conversations_fail.borrow_mut() = Some(Problem::internal());
    with_state(prepared, |state, _, pool| {
        assert_eq!(state.open_problem.get_untracked(), Some(Problem::internal()));
        assert_eq!(state.run.get_untracked(), Run::Idle);
        assert!(state.access.get_untracked().session().is_some());
        pool.run_until(state.open_again());
        assert_eq!((shown(&state).as_str(), state.open_problem.get_untracked()), ("answer 3", None));
    });
}

#[test]
fn what_failed_without_a_network_recovers_by_itself() {
    Owner::new().with(|| {
        let prepared = Prepared { session: Some(session()), away: Cell::new(2), ..Prepared::default() };
        prepared.modes.borrow_mut().extend([Err(unreachable()), Err(unreachable()), Ok(vec![mode("first")])]);
        let state = SidebarState::new(Rc::new(prepared), None, None);
        let mut pool = LocalPool::new();
        let away = || untrack(|| state.waits_for_server());
        pool.run_until(state.start());
        let unknown = Access::Unknown(unreachable());
        assert!(state.access.get_untracked() == unknown && away());
        pool.run_until(state.recover());
        assert!(state.access.get_untracked() == unknown && away(), "one notice stays, and does not flicker");
        pool.run_until(state.recover());
        assert!(state.access.get_untracked().session().is_some());
        let failed = Modes::Failed(unreachable());
        assert!(state.modes.get_untracked() == failed && away());
        pool.run_until(state.recover());
        assert!(state.modes.get_untracked() == failed && away());
        state.question.set("typed meanwhile".into());
        pool.run_until(state.recover());
        assert_eq!(state.modes.get_untracked(), Modes::Ready(vec![mode("first")]));
        assert!(!away());
        assert_eq!(state.question.get_untracked(), "typed meanwhile");
    });
}

#[test]
fn a_cut_network_loses_neither_question_nor_picture_nor_answer() {
    let prepared = Prepared::default();
    prepared
        .analyses
        .borrow_mut()
        .push_back((vec![delta("half")], Some(Err(super::super::run::interrupted()))));
    prepared.analyses.borrow_mut().push_back((vec![], Some(Err(unreachable()))));
    with_state(prepared, |state, transport, pool| {
        pool.run_until(state.ask());
        assert!(matches!(state.run.get_untracked(), Run::Failed(answer, _) if answer.text == "half"));
        pool.run_until(state.ask());
        assert!(state.access.get_untracked().session().is_some());
        assert!(state.picture.get_untracked().is_some());
        assert_eq!(state.question.get_untracked(), "why?");
        assert_eq!(state.earlier.get_untracked()[0].answer, "half");
        assert_eq!(transport.asked.borrow().len(), 2);
    });
}
