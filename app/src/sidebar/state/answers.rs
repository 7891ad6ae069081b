//! Answering what a run asks.

use protocol::Problem;
use protocol::analysis::{PersonAnswer, PersonQuestion};

use super::SidebarState;
use crate::sidebar::run::RunEvent;

impl SidebarState {
    /// Answers a question of the run that is shown. Returns why that was refused, if the question is still open.
    pub async fn answer(self, question: PersonQuestion, answer: String) -> Option<Problem> {
        let transport = self.transport()?;
        let PersonQuestion { analysis_id, id, .. } = question;
        let given = PersonAnswer { question: id.clone(), answer };
        match transport.answer(analysis_id, given).await {
            Ok(()) => {}
            // Another machine of the same person was faster, or the time is over: the run goes on, or has ended.
            Err(problem) if problem.status == 409 => {}
            Err(problem) => {
                self.end_session_if_unauthorized(&problem);
                return Some(problem);
            }
        }
        self.apply_run(RunEvent::QuestionClosed { id });
        None
    }
}
