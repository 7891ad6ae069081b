//! Analyses, their steps and stored pictures.

use domain::analysis::{AnalysisRecord, AnalysisState, CutReason, ProviderFailure, Step, StepState};
use domain::edit::TextEdit;
use domain::id::{AccountId, AnalysisId, CertificateId, ConversationId};

use crate::query::{execute, fetch_all, fetch_number, fetch_optional};
use crate::{Analyses, StoreError, like_pattern, parsed, search};

#[derive(sqlx::FromRow)]
struct Row {
    #[sqlx(try_from = "String")]
    id: AnalysisId,
    #[sqlx(try_from = "String")]
    account_id: AccountId,
    #[sqlx(try_from = "String")]
    certificate_id: CertificateId,
    conversation_id: Option<String>,
    mode_id: String,
    context: String,
    answer: String,
    edits: String,
    state: String,
    provider: String,
    model: String,
    prompt_tokens: i64,
    completion_tokens: i64,
    cut: Option<String>,
    failed_provider: Option<String>,
    failure: Option<String>,
    image_sha256: String,
    image_width: i64,
    image_height: i64,
    image_bytes: i64,
    screenshot_stored: bool,
    started_at: i64,
    ms: Option<i64>,
}

impl TryFrom<Row> for AnalysisRecord {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            state: parsed("analysis", row.state)?,
            id: row.id,
            account_id: row.account_id,
            certificate_id: row.certificate_id,
            conversation_id: row.conversation_id.map(|id| parsed("analysis", id)).transpose()?,
            mode_id: row.mode_id,
            context: row.context,
            answer: row.answer,
            edits: serde_json::from_str(&row.edits).map_err(|_| StoreError::Inconsistent {
                table: "analysis",
                what: "edits of another form".to_owned(),
                id: row.edits,
            })?,
            provider: row.provider,
            model: row.model,
            prompt_tokens: row.prompt_tokens,
            completion_tokens: row.completion_tokens,
            cut: row.cut.map(|cut| parsed("analysis", cut)).transpose()?,
            failure: row
                .failed_provider
                .zip(row.failure)
                .map(|(provider, words)| ProviderFailure { provider, words }),
            image_sha256: row.image_sha256,
            image_width: row.image_width,
            image_height: row.image_height,
            image_bytes: row.image_bytes,
            screenshot_stored: row.screenshot_stored,
            started_at: row.started_at,
            ms: row.ms,
        })
    }
}

const COLUMNS: &str = "id, account_id, certificate_id, mode_id, context, answer, state, provider, model,
    prompt_tokens, completion_tokens, image_sha256, image_width, image_height, image_bytes, started_at, ms, cut,
    failed_provider, failure, edits, conversation_id";
const SCREENSHOT_STORED: &str =
    "EXISTS (SELECT 1 FROM kept_picture k WHERE k.analysis_id = analysis.id) AS screenshot_stored";

/// Strings alone, which always have a JSON form.
fn json_of(edits: &[TextEdit]) -> String {
    serde_json::to_string(edits).unwrap_or_else(|_| "[]".to_owned())
}

impl Analyses<'_> {
    pub async fn insert(&mut self, a: &AnalysisRecord) -> Result<(), StoreError> {
        let sql = format!(
            "INSERT INTO analysis ({COLUMNS}, search_text)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
             $19, $20, $21, $22, $23)"
        );
        execute!(
            self.0,
            &sql,
            a.id.as_str(),
            a.account_id.as_str(),
            a.certificate_id.as_str(),
            &a.mode_id,
            &a.context,
            &a.answer,
            a.state.as_str(),
            &a.provider,
            &a.model,
            a.prompt_tokens,
            a.completion_tokens,
            &a.image_sha256,
            a.image_width,
            a.image_height,
            a.image_bytes,
            a.started_at,
            a.ms,
            a.cut.map(CutReason::as_str),
            a.failure.as_ref().map(|failure| failure.provider.as_str()),
            a.failure.as_ref().map(|failure| failure.words.as_str()),
            json_of(&a.edits),
            a.conversation_id.as_ref().map(ConversationId::as_str),
            search::of_analysis(&a.context, &a.answer)
        )?;
        Ok(())
    }

    /// Records the result of an analysis and its steps; `false` if it was deleted meanwhile.
    pub async fn finish(&mut self, a: &AnalysisRecord, steps: &[Step]) -> Result<bool, StoreError> {
        let changed = execute!(
            self.0,
            "UPDATE analysis SET answer = $1, state = $2, provider = $3, model = $4, prompt_tokens = $5,
             completion_tokens = $6, ms = $7, search_text = $8, cut = $9, failed_provider = $10, failure = $11,
             edits = $12 WHERE id = $13",
            &a.answer,
            a.state.as_str(),
            &a.provider,
            &a.model,
            a.prompt_tokens,
            a.completion_tokens,
            a.ms,
            search::of_analysis(&a.context, &a.answer),
            a.cut.map(CutReason::as_str),
            a.failure.as_ref().map(|failure| failure.provider.as_str()),
            a.failure.as_ref().map(|failure| failure.words.as_str()),
            json_of(&a.edits),
            a.id.as_str()
        )?;
        if changed == 0 {
            return Ok(false);
        }
        let ended = steps.iter().filter(|s| s.state != StepState::Started);
        for (position, step) in (0_i64..).zip(ended) {
            execute!(
                self.0,
                "INSERT INTO analysis_step (analysis_id, position, node, state, ms, note)
                 VALUES ($1, $2, $3, $4, $5, $6)",
                a.id.as_str(),
                position,
                &step.node,
                if step.state == StepState::Failed { "failed" } else { "finished" },
                step.ms.and_then(|ms| i64::try_from(ms).ok()),
                step.note.as_deref()
            )?;
        }
        Ok(true)
    }

    /// Replaces the edits of an analysis, after one of them got an outcome.
    pub async fn set_edits(&mut self, id: &AnalysisId, edits: &[TextEdit]) -> Result<(), StoreError> {
        execute!(self.0, "UPDATE analysis SET edits = $1 WHERE id = $2", json_of(edits), id.as_str())?;
        Ok(())
    }

    /// Marks analyses as failed that are still running, started before `before` and that no server has at `now` (seconds
    /// since the Unix epoch). If one of them finishes after all, [`Self::finish`] overwrites that.
    pub async fn fail_abandoned(&mut self, before: i64, now: i64) -> Result<(), StoreError> {
        execute!(
            self.0,
            "UPDATE analysis SET state = $1 WHERE state = $2 AND started_at < $3
             AND NOT EXISTS (SELECT 1 FROM analysis_run WHERE analysis_run.id = analysis.id
             AND analysis_run.state IN ('running', 'waiting') AND leased_until >= $4)",
            AnalysisState::Failed.as_str(),
            AnalysisState::Running.as_str(),
            before,
            now
        )?;
        Ok(())
    }

    /// The analyses of an account, newest first, whose question or answer contains `search`.
    pub async fn list(
        &mut self,
        account_id: &AccountId,
        search: &str,
        limit: i64,
        offset: i64,
    ) -> Result<Vec<AnalysisRecord>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS}, {SCREENSHOT_STORED} FROM analysis WHERE account_id = $1
             AND search_text LIKE $2 ESCAPE '\\'
             ORDER BY started_at DESC, id DESC LIMIT $3 OFFSET $4"
        );
        let rows: Vec<Row> =
            fetch_all!(self.0, Row, &sql, account_id.as_str(), like_pattern(search), limit, offset)?;
        rows.into_iter().map(AnalysisRecord::try_from).collect()
    }

    /// The analyses of a conversation of an account, the oldest first.
    pub async fn of_conversation(
        &mut self,
        account_id: &AccountId,
        conversation_id: &ConversationId,
    ) -> Result<Vec<AnalysisRecord>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS}, {SCREENSHOT_STORED} FROM analysis WHERE conversation_id = $1 AND account_id = $2
             ORDER BY started_at, id"
        );
        let rows: Vec<Row> = fetch_all!(self.0, Row, &sql, conversation_id.as_str(), account_id.as_str())?;
        rows.into_iter().map(AnalysisRecord::try_from).collect()
    }

    /// An analysis of an account.
    pub async fn find(
        &mut self,
        account_id: &AccountId,
        id: &AnalysisId,
    ) -> Result<Option<AnalysisRecord>, StoreError> {
        let sql =
            format!("SELECT {COLUMNS}, {SCREENSHOT_STORED} FROM analysis WHERE account_id = $1 AND id = $2");
        let row = fetch_optional!(self.0, Row, &sql, account_id.as_str(), id.as_str())?;
        row.map(AnalysisRecord::try_from).transpose()
    }

    /// Stores the encrypted picture of an analysis. It is deleted with the analysis.
    pub async fn insert_screenshot(
        &mut self,
        analysis_id: &AnalysisId,
        sealed: &[u8],
    ) -> Result<(), StoreError> {
        execute!(
            self.0,
            "INSERT INTO kept_picture (analysis_id, picture_sealed) VALUES ($1, $2)",
            analysis_id.as_str(),
            sealed
        )?;
        Ok(())
    }

    /// The encrypted picture of an account's analysis.
    pub async fn screenshot(
        &mut self,
        account_id: &AccountId,
        analysis_id: &AnalysisId,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let row: Option<(Vec<u8>,)> = fetch_optional!(
            self.0,
            (Vec<u8>,),
            "SELECT k.picture_sealed FROM kept_picture k JOIN analysis a ON a.id = k.analysis_id
             WHERE a.account_id = $1 AND a.id = $2",
            account_id.as_str(),
            analysis_id.as_str()
        )?;
        Ok(row.map(|(sealed,)| sealed))
    }

    /// Deletes an analysis of an account, and its conversation if nothing is left of it; `false` if there is none.
    pub async fn delete(&mut self, account_id: &AccountId, id: &AnalysisId) -> Result<bool, StoreError> {
        let deleted: Option<(Option<String>,)> = fetch_optional!(
            self.0,
            (Option<String>,),
            "DELETE FROM analysis WHERE account_id = $1 AND id = $2 RETURNING conversation_id",
            account_id.as_str(),
            id.as_str()
        )?;
        let Some((conversation,)) = deleted else { return Ok(false) };
        execute!(
            self.0,
            "DELETE FROM conversation WHERE id = $1
             AND NOT EXISTS (SELECT 1 FROM analysis WHERE conversation_id = $1)",
            conversation
        )?;
        Ok(true)
    }

    /// A model server has given a whole answer.
    pub async fn provider_answered(&mut self, provider: &str, now: i64) -> Result<(), StoreError> {
        execute!(
            self.0,
            "INSERT INTO provider_health (provider, answered_at, failure) VALUES ($1, $2, '')
             ON CONFLICT (provider) DO UPDATE SET answered_at = excluded.answered_at, failure = ''",
            provider,
            now
        )?;
        Ok(())
    }

    /// A model server has given no whole answer.
    pub async fn provider_failed(&mut self, failure: &ProviderFailure, now: i64) -> Result<(), StoreError> {
        execute!(
            self.0,
            "INSERT INTO provider_health (provider, failed_at, failure) VALUES ($1, $2, $3)
             ON CONFLICT (provider) DO UPDATE SET failed_at = excluded.failed_at, failure = excluded.failure",
            &failure.provider,
            now,
            &failure.words
        )?;
        Ok(())
    }

    /// The model servers whose last answer failed, with when that was, by name.
    pub async fn failing_providers(&mut self) -> Result<Vec<(ProviderFailure, i64)>, StoreError> {
        let rows: Vec<(String, String, i64)> = fetch_all!(
            self.0,
            (String, String, i64),
            "SELECT provider, failure, failed_at FROM provider_health
             WHERE failure <> '' AND failed_at IS NOT NULL ORDER BY provider"
        )?;
        let failing = |(provider, words, at)| (ProviderFailure { provider, words }, at);
        Ok(rows.into_iter().map(failing).collect())
    }

    pub async fn count_since(&mut self, since: i64) -> Result<u64, StoreError> {
        Ok(fetch_number!(self.0, "SELECT COUNT(*) FROM analysis WHERE started_at >= $1", since)?
            .unsigned_abs())
    }
}
