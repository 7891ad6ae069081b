//! The conversation that is shown, and the list of one's own.

use leptos::prelude::*;
use protocol::Problem;
use protocol::conversation::{ConversationSummary, ConversationTitle, title_of};

use super::super::history::{Earlier, ExportFormat, RecordedAnalysis, RecordedConversation};
use super::super::run::{Run, RunEvent};
use super::super::transport::PAGE;
use super::SidebarState;

/// One's own conversations, as far as they have been loaded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HistoryList {
    pub search: String,
    /// The one with the newest question first.
    pub found: Vec<ConversationSummary>,
    /// Whether there are more.
    pub more: bool,
    pub loading: bool,
    pub problem: Option<Problem>,
}

impl SidebarState {
    /// Whether conversations can be read from the server.
    pub fn keeps_history(self) -> bool {
        self.transport().is_some_and(|transport| transport.conversations().is_some())
    }

    /// After signing in: shows the conversation that was shown before, or the newest one. What another person has asked here
    /// is not shown.
    pub(super) async fn reopen(self) {
        let shown = Some(self.conversation.get_untracked()).filter(|id| !id.is_empty());
        let remembered = self.remembered.get_value();
        // A new conversation stays a new one.
        self.remembered.set_value(Some(String::new()));
        self.clear_conversation();
        match shown.or(remembered) {
            Some(id) if id.is_empty() => {}
            Some(id) => self.open_conversation(id).await,
            None => self.open_newest().await,
        }
    }

    async fn open_newest(self) {
        let opened = self.opened.get_value();
        let Some(transport) = self.transport() else { return };
        let Some(conversations) = transport.conversations() else { return };
        match conversations.list(String::new(), 0).await {
            Ok(list) => {
                let newest = list.into_iter().next().filter(|_| self.opened.get_value() == opened);
                if let Some(newest) = newest {
                    self.open_conversation(newest.id).await;
                }
            }
            Err(problem) => {
                self.remembered.set_value(None);
                self.open_failed(problem);
            }
        }
    }

    /// Shows a conversation in place of the one that is shown. One that is no longer there is a new one.
    pub async fn open_conversation(self, id: String) {
        let Some(transport) = self.transport() else { return };
        let Some(conversations) = transport.conversations() else { return };
        self.cancel();
        self.history.set(None);
        self.opened.update_value(|opened| *opened += 1);
        let opened = self.opened.get_value();
        let found = conversations.open(id.clone()).await;
        if self.opened.try_get_value() != Some(opened) {
            return;
        }
        self.clear_conversation();
        match found {
            Ok(conversation) => self.show(conversation),
            Err(problem) if problem.status == 404 => self.conversation.set(String::new()),
            Err(problem) => {
                // Trying again opens this one.
                self.remembered.set_value(Some(id));
                self.open_failed(problem);
            }
        }
    }

    fn open_failed(self, problem: Problem) {
        self.end_session_if_unauthorized(&problem);
        self.open_problem.set(Some(problem));
    }

    /// Tries again to open the conversation that could not be opened.
    pub async fn open_again(self) {
        self.open_problem.set(None);
        self.reopen().await;
    }

    fn show(self, conversation: RecordedConversation) {
        let RecordedConversation { summary, mut analyses } = conversation;
        if let Some(run) = analyses.last().and_then(RecordedAnalysis::reopened) {
            analyses.pop();
            self.run.set(run);
        }
        self.earlier.set(analyses.into_iter().map(Earlier::from).collect());
        self.title.set(summary.title);
        self.conversation.set(summary.id);
    }

    /// Begins a new conversation. Picture and question stay.
    pub fn new_conversation(self) {
        self.cancel();
        self.opened.update_value(|opened| *opened += 1);
        self.history.set(None);
        self.clear_conversation();
        self.conversation.set(String::new());
    }

    /// Keeps `conversation`, which is remembered when it changes.
    fn clear_conversation(self) {
        self.apply_run(RunEvent::SessionEnded);
        self.earlier.set(Vec::new());
        self.title.set(String::new());
        self.open_problem.set(None);
    }

    /// The next question follows this one.
    pub(super) fn continue_in(self, conversation: &str) {
        if conversation.is_empty() {
            return;
        }
        if self.title.with_untracked(String::is_empty) {
            let first = self.earlier.with_untracked(|all| all.first().map(|first| first.question.clone()));
            let shown = || self.run.with_untracked(|run| run.answer().map(|a| a.question.clone()));
            self.title.set(title_of(&first.or_else(shown).unwrap_or_default()));
        }
        if self.conversation.with_untracked(|shown| shown != conversation) {
            self.conversation.set(conversation.to_owned());
        }
    }

    /// After a question was refused because its conversation is not there any more: the next one begins a new one.
    pub(super) fn leave_lost_conversation(self) {
        let lost = self.run.with_untracked(|run| {
            run.problem().is_some_and(|problem| problem.error_of("conversation").is_some())
        });
        if lost {
            self.title.set(String::new());
            self.conversation.set(String::new());
        }
    }

    /// Shows the list of one's own conversations that contain `search`.
    pub async fn show_history(self, search: String) {
        self.history.update(|history| {
            let found = history.take().map(|history| history.found).unwrap_or_default();
            *history = Some(HistoryList { search, found, loading: true, ..HistoryList::default() });
        });
        self.load_page(0).await;
    }

    pub fn hide_history(self) {
        self.history.set(None);
    }

    /// Adds the next page of the list.
    pub async fn more_history(self) {
        let loaded = self.history.with_untracked(|history| history.as_ref().map_or(0, |h| h.found.len()));
        self.history.update(|history| {
            if let Some(history) = history {
                history.loading = true;
            }
        });
        self.load_page(loaded / PAGE).await;
    }

    async fn load_page(self, page: usize) {
        let search = |history: &Option<HistoryList>| history.as_ref().map(|history| history.search.clone());
        let Some(searched) = self.history.with_untracked(search) else { return };
        let Some(transport) = self.transport() else { return };
        let Some(conversations) = transport.conversations() else { return };
        let found = conversations.list(searched.clone(), u32::try_from(page).unwrap_or(u32::MAX)).await;
        if let Err(problem) = &found {
            self.end_session_if_unauthorized(problem);
        }
        // Closed meanwhile, or another search was begun.
        if self.history.try_with_untracked(search).flatten() != Some(searched) {
            return;
        }
        self.history.update(|history| {
            let Some(history) = history else { return };
            history.loading = false;
            match found {
                Ok(found) => {
                    history.found.truncate(page * PAGE);
                    history.more = found.len() == PAGE;
                    history.found.extend(found);
                    history.problem = None;
                }
                Err(problem) => history.problem = Some(problem),
            }
        });
    }

    /// Gives a conversation a title. `Err`: what is wrong with it.
    pub async fn rename_conversation(self, id: String, title: String) -> Result<(), Problem> {
        let title: ConversationTitle =
            title.parse().map_err(|invalid: protocol::text::Invalid| refused_title(invalid.0))?;
        let Some(transport) = self.transport() else { return Ok(()) };
        let Some(conversations) = transport.conversations() else { return Ok(()) };
        let renamed = conversations.rename(id.clone(), title.as_str().to_owned()).await;
        self.after_change(renamed)?;
        self.change_list(|found| {
            if let Some(conversation) = found.iter_mut().find(|conversation| conversation.id == id) {
                title.as_str().clone_into(&mut conversation.title);
            }
        });
        if self.conversation.with_untracked(|shown| *shown == id) {
            self.title.set(title.into_string());
        }
        Ok(())
    }

    /// Deletes a conversation with all that belongs to it.
    pub async fn delete_conversation(self, id: String) -> Result<(), Problem> {
        let Some(transport) = self.transport() else { return Ok(()) };
        let Some(conversations) = transport.conversations() else { return Ok(()) };
        match conversations.delete(id.clone()).await {
            // Deleted in another tab.
            Err(problem) if problem.status == 404 => {}
            deleted => self.after_change(deleted)?,
        }
        self.change_list(|found| found.retain(|conversation| conversation.id != id));
        if self.conversation.with_untracked(|shown| *shown == id) {
            let history = self.history.get_untracked();
            self.new_conversation();
            self.history.set(history);
        }
        Ok(())
    }

    pub fn saves_files(self) -> bool {
        self.transport().is_some_and(|transport| transport.saves_files())
    }

    /// A conversation as a file's text.
    pub async fn export_conversation(self, id: String, format: ExportFormat) -> Result<String, Problem> {
        let transport = self.transport().ok_or_else(Problem::internal)?;
        let conversations = transport.conversations().ok_or_else(Problem::not_found)?;
        let exported = conversations.export(id, format).await;
        self.after_change(exported)
    }

    fn after_change<T>(self, result: Result<T, Problem>) -> Result<T, Problem> {
        result.inspect_err(|problem| {
            self.end_session_if_unauthorized(problem);
        })
    }

    fn change_list(self, change: impl FnOnce(&mut Vec<ConversationSummary>)) {
        self.history.update(|history| {
            if let Some(history) = history {
                change(&mut history.found);
            }
        });
    }

    /// Whether the picture is the one of the last question.
    pub fn shows_same_picture(self) -> bool {
        self.picture.with(|picture| picture.is_some() && self.asked_about.with(|asked| picture == asked))
            && self.run.with(|run| *run != Run::Idle)
    }
}

fn refused_title(message: &str) -> Problem {
    Problem::invalid_input().field("title", message)
}
