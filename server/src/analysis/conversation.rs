//! Conversations: which one a question belongs to, and what their person does with them.

use std::str::FromStr;

use ::analysis::EarlierTurn;
use domain::audit::Action;
use domain::conversation::{Conversation, ConversationTitle, MAX_QUESTIONS, WholeConversation, title_of};
use domain::id::{AnalysisId, ConversationId};
use protocol::{Problem, ServiceError};
use store::Tx;
use web::Rule;

use super::{Analyses, Question};
use crate::native::Person;

/// The earlier turns that are read for a question. A prompt rarely has room for more.
const MAX_TURNS: i64 = 20;
/// Requests of one person to their conversations, per minute.
const REQUESTS_PER_MINUTE: u32 = 120;

/// The conversation of a question.
#[derive(Debug)]
pub(super) enum Place {
    Follows(ConversationId),
    New(Conversation),
}

impl Place {
    pub fn id(&self) -> &ConversationId {
        match self {
            Self::Follows(id) => id,
            Self::New(conversation) => &conversation.id,
        }
    }

    /// Stores that a question is asked in it now. 422 if it was deleted meanwhile.
    pub async fn store(&self, tx: &mut Tx, person: &Person, now: i64) -> Result<(), ServiceError> {
        match self {
            Self::New(conversation) => tx.conversations().insert(conversation).await?,
            Self::Follows(id) => {
                if !tx.conversations().ask(&person.account.id, id, now).await? {
                    return Err(gone().into());
                }
            }
        }
        Ok(())
    }
}

/// Says the same of another person's conversation as of none.
fn gone() -> Problem {
    Problem::invalid_input().field("conversation", "This conversation is no longer there. Start a new one.")
}

impl Analyses {
    /// The conversation of a question: one of the person's own, or a new one.
    pub(super) async fn place(&self, person: &Person, question: &Question) -> Result<Place, ServiceError> {
        let Some(id) = question.conversation.as_deref().filter(|id| !id.is_empty()) else {
            let now = self.env.now();
            return Ok(Place::New(Conversation {
                id: self.env.new_id(),
                account_id: person.account.id.clone(),
                title: title_of(&question.context),
                started_at: now,
                asked_at: now,
                questions: 0,
            }));
        };
        let id = ConversationId::from_str(id).map_err(|_| gone())?;
        let mut tx = self.env.store.read().await?;
        let found = tx.conversations().find(&person.account.id, &id).await?.ok_or_else(gone)?;
        if found.questions >= MAX_QUESTIONS {
            let message = format!("This conversation has {MAX_QUESTIONS} questions. Start a new one.");
            return Err(Problem::invalid_input().field("conversation", message).into());
        }
        Ok(Place::Follows(id))
    }

    /// What was asked and answered in a conversation before this analysis.
    pub(super) async fn turns(
        &self,
        conversation: Option<&ConversationId>,
        current: &AnalysisId,
    ) -> Result<Vec<EarlierTurn>, ServiceError> {
        let Some(conversation) = conversation else { return Ok(Vec::new()) };
        let mut tx = self.env.store.read().await?;
        let turns = tx.conversations().turns(conversation, current, MAX_TURNS).await?;
        let turn = |turn: store::EarlierTurn| EarlierTurn {
            question: turn.question,
            answer: turn.answer,
            provider: turn.provider,
        };
        Ok(turns.into_iter().map(turn).collect())
    }

    /// One's own conversations whose title, questions or answers contain `search`, the one with the newest question first.
    #[tracing::instrument(
        skip_all,
        level = "debug",
        name = "conversation.list",
        fields(account_id = %person.account.id)
    )]
    pub async fn conversations(
        &self,
        person: &Person,
        search: &str,
        limit: i64,
        offset: i64,
    ) -> Result<Vec<Conversation>, ServiceError> {
        self.limit_requests(person).await?;
        crate::search::check(search)?;
        let mut tx = self.env.store.read().await?;
        Ok(tx.conversations().list(&person.account.id, search, limit, offset).await?)
    }

    #[tracing::instrument(
        skip_all,
        level = "debug",
        name = "conversation.one",
        fields(account_id = %person.account.id, conversation_id = %id)
    )]
    pub async fn conversation(
        &self,
        person: &Person,
        id: &ConversationId,
    ) -> Result<WholeConversation, ServiceError> {
        self.limit_requests(person).await?;
        let mut tx = self.env.store.read().await?;
        let found = tx.conversations().find(&person.account.id, id).await?;
        let conversation = found.ok_or_else(Problem::not_found)?;
        let analyses = tx.analyses().of_conversation(&person.account.id, id).await?;
        Ok(WholeConversation { conversation, analyses })
    }

    #[tracing::instrument(
        skip_all,
        level = "debug",
        name = "conversation.rename",
        fields(account_id = %person.account.id, conversation_id = %id)
    )]
    pub async fn rename_conversation(
        &self,
        person: &Person,
        id: &ConversationId,
        title: &ConversationTitle,
    ) -> Result<(), ServiceError> {
        self.limit_requests(person).await?;
        let mut tx = self.env.store.begin().await?;
        if !tx.conversations().rename(&person.account.id, id, title).await? {
            return Err(Problem::not_found().into());
        }
        tx.commit().await?;
        Ok(())
    }

    /// Deletes a conversation with all that belongs to it. What still runs in it ends without a record.
    #[tracing::instrument(
        skip_all,
        level = "debug",
        name = "conversation.delete",
        fields(account_id = %person.account.id, conversation_id = %id)
    )]
    pub async fn delete_conversation(
        &self,
        person: &Person,
        id: &ConversationId,
    ) -> Result<(), ServiceError> {
        self.limit_requests(person).await?;
        let mut tx = self.env.store.begin().await?;
        if !tx.conversations().delete(&person.account.id, id).await? {
            return Err(Problem::not_found().into());
        }
        let (now, action) = (self.env.now(), Action::ConversationDeleted);
        tx.audit_log().append(now, &person.account.id, action, id, "").await?;
        tx.commit().await?;
        Ok(())
    }

    async fn limit_requests(&self, person: &Person) -> Result<(), ServiceError> {
        let rule = Rule::per_minute("conversations", REQUESTS_PER_MINUTE);
        Ok(self.limits.check_key(rule, person.account.id.as_str()).await?)
    }
}
