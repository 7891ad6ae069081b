//! Conversations: questions that follow one another.

use domain::conversation::{Conversation, ConversationTitle, title_of};
use domain::id::{AccountId, AnalysisId, ConversationId};
use domain::search::folded;

use crate::query::{execute, fetch_all, fetch_optional};
use crate::{Conversations, Store, StoreError, like_pattern};

/// Analyses per transaction of the backfill.
const BATCH: i64 = 200;

#[derive(sqlx::FromRow)]
struct Row {
    #[sqlx(try_from = "String")]
    id: ConversationId,
    #[sqlx(try_from = "String")]
    account_id: AccountId,
    title: String,
    started_at: i64,
    asked_at: i64,
    questions: i64,
}

impl From<Row> for Conversation {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            account_id: row.account_id,
            title: row.title,
            started_at: row.started_at,
            asked_at: row.asked_at,
            questions: row.questions.unsigned_abs(),
        }
    }
}

/// An earlier question with its answer, and whether the built-in reader gave it: then it quotes the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlierTurn {
    pub question: String,
    pub answer: String,
    pub provider: String,
}

const SELECT: &str = "SELECT c.id, c.account_id, c.title, c.started_at, c.asked_at,
    (SELECT COUNT(*) FROM analysis a WHERE a.conversation_id = c.id) AS questions FROM conversation c";

impl Conversations<'_> {
    pub async fn insert(&mut self, conversation: &Conversation) -> Result<(), StoreError> {
        execute!(
            self.0,
            "INSERT INTO conversation (id, account_id, title, search_text, started_at, asked_at)
             VALUES ($1, $2, $3, $4, $5, $6)",
            conversation.id.as_str(),
            conversation.account_id.as_str(),
            &conversation.title,
            folded(&conversation.title),
            conversation.started_at,
            conversation.asked_at
        )?;
        Ok(())
    }

    /// A question is asked in it now; `false` if the account has no such conversation.
    pub async fn ask(
        &mut self,
        account_id: &AccountId,
        id: &ConversationId,
        now: i64,
    ) -> Result<bool, StoreError> {
        let changed = execute!(
            self.0,
            "UPDATE conversation SET asked_at = $1 WHERE id = $2 AND account_id = $3",
            now,
            id.as_str(),
            account_id.as_str()
        )?;
        Ok(changed == 1)
    }

    /// The conversations of an account whose title, questions or answers contain `search`, the one with the newest question
    /// first.
    pub async fn list(
        &mut self,
        account_id: &AccountId,
        search: &str,
        limit: i64,
        offset: i64,
    ) -> Result<Vec<Conversation>, StoreError> {
        let sql = format!(
            "{SELECT} WHERE c.account_id = $1 AND (c.search_text LIKE $2 ESCAPE '\\' OR EXISTS (
                SELECT 1 FROM analysis a WHERE a.conversation_id = c.id AND a.search_text LIKE $2 ESCAPE '\\'))
             ORDER BY c.asked_at DESC, c.id DESC LIMIT $3 OFFSET $4"
        );
        let rows: Vec<Row> =
            fetch_all!(self.0, Row, &sql, account_id.as_str(), like_pattern(search), limit, offset)?;
        Ok(rows.into_iter().map(Conversation::from).collect())
    }

    /// A conversation of an account.
    pub async fn find(
        &mut self,
        account_id: &AccountId,
        id: &ConversationId,
    ) -> Result<Option<Conversation>, StoreError> {
        let sql = format!("{SELECT} WHERE c.account_id = $1 AND c.id = $2");
        let row = fetch_optional!(self.0, Row, &sql, account_id.as_str(), id.as_str())?;
        Ok(row.map(Conversation::from))
    }

    /// Gives it a title; `false` if the account has no such conversation.
    pub async fn rename(
        &mut self,
        account_id: &AccountId,
        id: &ConversationId,
        title: &ConversationTitle,
    ) -> Result<bool, StoreError> {
        let changed = execute!(
            self.0,
            "UPDATE conversation SET title = $1, search_text = $2 WHERE id = $3 AND account_id = $4",
            title.as_str(),
            folded(title.as_str()),
            id.as_str(),
            account_id.as_str()
        )?;
        Ok(changed == 1)
    }

    /// Deletes it with its questions, answers, steps and stored pictures; `false` if the account has no such conversation.
    pub async fn delete(&mut self, account_id: &AccountId, id: &ConversationId) -> Result<bool, StoreError> {
        let deleted = execute!(
            self.0,
            "DELETE FROM conversation WHERE id = $1 AND account_id = $2",
            id.as_str(),
            account_id.as_str()
        )?;
        Ok(deleted == 1)
    }

    /// The newest answered questions of a conversation, the oldest of them first, without `current`.
    pub async fn turns(
        &mut self,
        id: &ConversationId,
        current: &AnalysisId,
        limit: i64,
    ) -> Result<Vec<EarlierTurn>, StoreError> {
        let rows: Vec<(String, String, String)> = fetch_all!(
            self.0,
            (String, String, String),
            "SELECT context, answer, provider FROM analysis
             WHERE conversation_id = $1 AND id <> $2 AND state = 'finished'
             ORDER BY started_at DESC, id DESC LIMIT $3",
            id.as_str(),
            current.as_str(),
            limit
        )?;
        let turn = |(question, answer, provider)| EarlierTurn { question, answer, provider };
        Ok(rows.into_iter().rev().map(turn).collect())
    }
}

impl Store {
    /// Makes a conversation of each analysis that an earlier version has stored without one.
    pub async fn fill_conversations(&self) -> Result<(), StoreError> {
        loop {
            let mut tx = self.begin().await?;
            let rows: Vec<(String, String, String, i64)> = fetch_all!(
                &mut tx,
                (String, String, String, i64),
                "SELECT id, account_id, context, started_at FROM analysis WHERE conversation_id IS NULL
                 ORDER BY id LIMIT $1",
                BATCH
            )?;
            if rows.is_empty() {
                return Ok(());
            }
            for (id, account_id, context, started_at) in &rows {
                let title = title_of(context);
                // Another server may do the same at this moment.
                execute!(
                    &mut tx,
                    "INSERT INTO conversation (id, account_id, title, search_text, started_at, asked_at)
                     VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (id) DO NOTHING",
                    id,
                    account_id,
                    &title,
                    folded(&title),
                    started_at
                )?;
                execute!(&mut tx, "UPDATE analysis SET conversation_id = id WHERE id = $1", id)?;
            }
            tx.commit().await?;
        }
    }
}
