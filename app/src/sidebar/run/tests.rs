use protocol::analysis::{CutReason, Delta, Queued, Reasoning, Started, Usage};

use super::*;

fn asked() -> Run {
    Run::Idle.after(RunEvent::Asked { question: "why?".into(), shares_picture: true })
}

fn delta(text: &str) -> RunEvent {
    RunEvent::Received(AnalysisEvent::Delta(Delta { text: text.into() }))
}

fn step(node: &str, state: StepState, ms: Option<u64>) -> RunEvent {
    RunEvent::Received(AnalysisEvent::Step(Step { node: node.into(), state, ms, note: None }))
}

fn done(model: &str) -> Done {
    Done {
        analysis_id: "1".into(),
        conversation: String::new(),
        mode: "general".into(),
        provider: "ollama".into(),
        model: model.into(),
        usage: Usage { prompt_tokens: 40, completion_tokens: 2 },
        ms: 1_950,
        cut: None,
    }
}

#[test]
fn a_question_is_sent_and_answered() {
    let run = asked();
    assert_eq!(Light::of(&CaptureState::Idle, &run), Light::Sending);
    let run = run.after(step("read", StepState::Started, None));
    assert_eq!(Light::of(&CaptureState::Idle, &run), Light::Reading, "the server has the picture");
    let run = run.after(step("read", StepState::Finished, Some(12))).after(delta("a")).after(delta("b"));
    let run = run.after(RunEvent::Received(AnalysisEvent::Done(done("m")))).after(RunEvent::Ended(Ok(())));
    assert_eq!(Light::of(&CaptureState::Idle, &run), Light::Off);
    let Run::Answered(answer, _) = run else { panic!("{run:?}") };
    assert_eq!((answer.text.as_str(), answer.question.as_str()), ("ab", "why?"));
    assert_eq!(answer.steps.len(), 1);
    assert_eq!(answer.steps[0].ms, Some(12));
}

#[test]
fn an_interrupted_stream_is_a_failure_that_keeps_the_text() {
    let run = asked().after(delta("half")).after(RunEvent::Ended(Ok(())));
    assert_eq!(run.problem(), Some(&interrupted()));
    assert_eq!(run.answer().map(|a| a.text.as_str()), Some("half"));
}

#[test]
fn events_after_cancelling_are_ignored() {
    let run = asked().after(delta("a")).after(RunEvent::Cancelled);
    let later = run.clone().after(delta("b")).after(RunEvent::Ended(Ok(())));
    assert_eq!(later, run);
}

#[test]
fn one_question_at_a_time() {
    let run = asked().after(RunEvent::Asked { question: "another".into(), shares_picture: true });
    assert_eq!(run, asked());
    let again = run
        .after(RunEvent::Cancelled)
        .after(RunEvent::Asked { question: "another".into(), shares_picture: true });
    assert_eq!(again.answer().map(|a| a.question.as_str()), Some("another"));
}

#[test]
fn a_repeated_node_is_a_new_line() {
    let run = asked()
        .after(step("answer", StepState::Started, None))
        .after(step("answer", StepState::Failed, Some(3)))
        .after(step("answer", StepState::Started, None));
    let states: Vec<_> = run.answer().unwrap().steps.iter().map(|s| s.status).collect();
    assert_eq!(states, [StepStatus::Failed, StepStatus::Running]);
}

#[test]
fn the_light_is_on_while_capturing() {
    assert_eq!(Light::of(&CaptureState::Capturing, &Run::Idle), Light::Capturing);
    assert_eq!(Light::of(&CaptureState::Failed(Problem::internal()), &Run::Idle), Light::Off);
}

#[test]
fn the_attribution_says_when_no_model_was_used() {
    assert_eq!(attribution(&done("")), "No model was used: read from the screen · 2 s");
    assert_eq!(attribution(&done("llava")), "llava · ollama · 2 s · 42 tokens");
}

#[test]
fn whole_sentences_are_announced_once() {
    let text = "One. Two is lo";
    let (heard, words) = next_announcement(text, 0, false).unwrap();
    assert_eq!(words, "One.");
    assert_eq!(next_announcement(text, heard, false), None);
    let (heard, words) = next_announcement("One. Two is long", heard, true).unwrap();
    assert_eq!((heard, words), (16, "Two is long"));
    assert_eq!(next_announcement("One. Two is long", heard, true), None);
    assert_eq!(next_announcement("", 40, true), None);
}

#[test]
fn no_steps_clock_runs_on_after_the_end() {
    let ends = [
        RunEvent::Cancelled,
        RunEvent::Ended(Ok(())),
        RunEvent::Ended(Err(Problem::internal())),
        RunEvent::Received(AnalysisEvent::Error(Problem::internal())),
        RunEvent::Received(AnalysisEvent::Done(done("m"))),
    ];
    for end in ends {
        let run = asked()
            .after(step("read", StepState::Started, None))
            .after(step("read", StepState::Finished, Some(2_000)))
            .after(step("answer", StepState::Started, None))
            .after(end);
        assert!(!run.is_running());
        let states: Vec<_> = run.answer().unwrap().steps.iter().map(|s| s.status).collect();
        assert_eq!(states, [StepStatus::Finished, StepStatus::Stopped], "{run:?}");
    }
}

#[test]
fn durations_are_told_in_whole_seconds_and_from_one_on() {
    let cases = [(0, None), (999, None), (1_000, Some("1 s")), (1_499, Some("1 s")), (48_600, Some("49 s"))];
    for (ms, words) in cases {
        assert_eq!(duration(ms).as_deref(), words, "{ms}");
    }
    assert_eq!(duration(59_600).as_deref(), Some("1 min 00 s"));
    assert_eq!(elapsed(125), "2 min 05 s");
    assert_eq!(attribution(&Done { ms: 12, ..done("llava") }), "llava · ollama · 42 tokens");
}

#[test]
fn steps_are_told_in_peoples_words() {
    assert_eq!(step_label("read"), "Reading the screen");
    assert_eq!(step_label("tomorrow"), "tomorrow");
    let run = asked()
        .after(step("route", StepState::Started, None))
        .after(step("route", StepState::Finished, Some(1)))
        .after(step("answer", StepState::Started, None));
    let shown: Vec<_> = run.answer().unwrap().steps.iter().filter(|step| step.is_shown()).collect();
    assert!(matches!(shown.as_slice(), [one] if one.node == "answer"), "{shown:?}");
}

#[test]
fn thoughts_are_kept_apart_from_the_answer() {
    let reasoning = |text: &str, retracts| {
        RunEvent::Received(AnalysisEvent::Reasoning(Reasoning { text: text.into(), retracts }))
    };
    let run =
        asked().after(reasoning("hm. ", false)).after(delta("so it is")).after(reasoning("so it is", true));
    let run = run.after(delta("Yes"));
    let answer = run.answer().unwrap();
    assert_eq!((answer.reasoning.as_str(), answer.text.as_str()), ("hm. so it is", "Yes"));
}

#[test]
fn notices_about_waiting_end_with_it_and_the_others_stay() {
    let notice = |code| RunEvent::Received(AnalysisEvent::Notice(Notice::new(code)));
    let shown = |run: &Run| {
        let notices = run.answer().unwrap().shown_notices(run.is_running());
        notices.into_iter().map(|notice| notice.code).collect::<Vec<_>>()
    };
    let run = asked().after(notice(NoticeCode::PromptShortened)).after(notice(NoticeCode::ModelLoading));
    let run = run.after(notice(NoticeCode::ModelLoading)).after(notice(NoticeCode::Other));
    assert_eq!(shown(&run), [NoticeCode::PromptShortened, NoticeCode::ModelLoading], "each once, none empty");
    let run = run.after(delta("half"));
    assert_eq!(shown(&run), [NoticeCode::PromptShortened]);
    let cut = Done { cut: Some(CutReason::Length), ..done("m") };
    let run = run.after(notice(NoticeCode::CutOff)).after(RunEvent::Received(AnalysisEvent::Done(cut)));
    assert_eq!(shown(&run), [NoticeCode::PromptShortened, NoticeCode::CutOff]);
}

#[test]
fn the_place_in_the_queue_is_known_until_the_first_step() {
    let queued = |place| RunEvent::Received(AnalysisEvent::Queued(Queued { place, expected_seconds: 5 }));
    let place = |run: &Run| run.answer().unwrap().place;
    let run = asked().after(queued(3));
    assert_eq!(place(&run), Some(3));
    let run = run.after(queued(1));
    assert_eq!(place(&run), Some(1));
    assert_eq!(place(&run.after(step("read", StepState::Started, None))), None);
}

fn question_of(id: &str) -> RunEvent {
    RunEvent::Received(AnalysisEvent::Question(PersonQuestion {
        analysis_id: "a".into(),
        id: id.into(),
        text: "Which?".into(),
        choices: vec!["left".into()],
        free_text: false,
        expires_at: 0,
    }))
}

#[test]
fn a_question_stays_until_it_is_closed_or_the_run_ends() {
    let open = |run: &Run| run.answer().map_or(0, |answer| answer.questions.len());
    let run = [question_of("1"), question_of("1"), question_of("2")]
        .into_iter()
        .fold(Run::Answering(Answer::default()), Run::after);
    assert_eq!(open(&run), 2, "one that is told again is the same");
    let run = run.after(RunEvent::QuestionClosed { id: "1".into() });
    assert_eq!(open(&run), 1);
    assert_eq!(open(&run.after(RunEvent::Cancelled)), 0);
}

#[test]
fn a_stream_that_begins_anew_replaces_what_was_received() {
    let started = || {
        RunEvent::Received(AnalysisEvent::Started(Started {
            analysis_id: "a".into(),
            conversation: String::new(),
        }))
    };
    let run = [started(), delta("on"), started(), delta("one")].into_iter().fold(asked(), Run::after);
    let answer = run.answer().unwrap();
    assert_eq!((answer.text.as_str(), answer.question.as_str()), ("one", "why?"));
}
