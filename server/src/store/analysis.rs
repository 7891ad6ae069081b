//! Answered questions and their steps.

use protocol::analysis::{Step, StepState};

use super::query::{execute, fetch_all, fetch_number, fetch_optional};
use super::{StoreError, Tx};

/// An answered question. The picture itself is not here: only what identifies it, and whether it was kept.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct AnalysisRecord {
    pub id: String,
    pub account_id: String,
    pub certificate_id: String,
    pub mode_id: String,
    pub context: String,
    pub answer: String,
    /// `running`, `finished`, `failed` or `cancelled`.
    pub state: String,
    pub provider: String,
    pub model: String,
    pub prompt_tokens: i64,
    pub completion_tokens: i64,
    pub image_sha256: String,
    pub image_width: i64,
    pub image_height: i64,
    pub image_bytes: i64,
    /// Whether the picture lies beside it. Read from there, so that it says what is.
    pub picture_kept: bool,
    pub started_at: i64,
    pub ms: Option<i64>,
}

const COLUMNS: &str = "id, account_id, certificate_id, mode_id, context, answer, state, provider, model,
    prompt_tokens, completion_tokens, image_sha256, image_width, image_height, image_bytes, started_at, ms";
const PICTURE_KEPT: &str =
    "EXISTS (SELECT 1 FROM kept_picture k WHERE k.analysis_id = analysis.id) AS picture_kept";

impl Tx {
    pub async fn insert_analysis(&mut self, a: &AnalysisRecord) -> Result<(), StoreError> {
        let sql = format!(
            "INSERT INTO analysis ({COLUMNS})
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)"
        );
        execute!(
            self,
            &sql,
            &a.id,
            &a.account_id,
            &a.certificate_id,
            &a.mode_id,
            &a.context,
            &a.answer,
            &a.state,
            &a.provider,
            &a.model,
            a.prompt_tokens,
            a.completion_tokens,
            &a.image_sha256,
            a.image_width,
            a.image_height,
            a.image_bytes,
            a.started_at,
            a.ms
        )?;
        Ok(())
    }

    /// Writes down how an analysis ended, with its steps; `false` when it was deleted meanwhile.
    pub async fn finish_analysis(&mut self, a: &AnalysisRecord, steps: &[Step]) -> Result<bool, StoreError> {
        let changed = execute!(
            self,
            "UPDATE analysis SET answer = $1, state = $2, provider = $3, model = $4, prompt_tokens = $5,
             completion_tokens = $6, ms = $7 WHERE id = $8",
            &a.answer,
            &a.state,
            &a.provider,
            &a.model,
            a.prompt_tokens,
            a.completion_tokens,
            a.ms,
            &a.id
        )?;
        if changed == 0 {
            return Ok(false);
        }
        let ended = steps.iter().filter(|s| s.state != StepState::Started);
        for (position, step) in (0_i64..).zip(ended) {
            execute!(
                self,
                "INSERT INTO analysis_step (analysis_id, position, node, state, ms, note)
                 VALUES ($1, $2, $3, $4, $5, $6)",
                &a.id,
                position,
                &step.node,
                if step.state == StepState::Failed { "failed" } else { "finished" },
                step.ms.and_then(|ms| i64::try_from(ms).ok()),
                step.note.as_deref()
            )?;
        }
        Ok(true)
    }

    /// Ends analyses that began before and that no server works at any more. Should one end after all, that counts.
    pub async fn fail_lost_analyses(&mut self, before: i64) -> Result<(), StoreError> {
        execute!(
            self,
            "UPDATE analysis SET state = 'failed' WHERE state = 'running' AND started_at < $1",
            before
        )?;
        Ok(())
    }

    /// One's own analyses, the newest first; `search` looks into question and answer.
    pub async fn analyses_of(
        &mut self,
        account_id: &str,
        search: &str,
        limit: i64,
        offset: i64,
    ) -> Result<Vec<AnalysisRecord>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS}, {PICTURE_KEPT} FROM analysis WHERE account_id = $1
             AND (LOWER(context) LIKE $2 ESCAPE '\\' OR LOWER(answer) LIKE $2 ESCAPE '\\')
             ORDER BY started_at DESC, id DESC LIMIT $3 OFFSET $4"
        );
        fetch_all!(self, AnalysisRecord, &sql, account_id, super::like_pattern(search), limit, offset)
    }

    /// One's own analysis.
    pub async fn analysis_of(
        &mut self,
        account_id: &str,
        id: &str,
    ) -> Result<Option<AnalysisRecord>, StoreError> {
        let sql = format!("SELECT {COLUMNS}, {PICTURE_KEPT} FROM analysis WHERE account_id = $1 AND id = $2");
        fetch_optional!(self, AnalysisRecord, &sql, account_id, id)
    }

    /// Stores a picture, sealed, with its analysis. It goes when that goes.
    pub async fn insert_kept_picture(&mut self, analysis_id: &str, sealed: &[u8]) -> Result<(), StoreError> {
        execute!(
            self,
            "INSERT INTO kept_picture (analysis_id, picture_sealed) VALUES ($1, $2)",
            analysis_id,
            sealed
        )?;
        Ok(())
    }

    /// The picture of one's own analysis, still sealed.
    pub async fn kept_picture_of(
        &mut self,
        account_id: &str,
        analysis_id: &str,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let row: Option<(Vec<u8>,)> = fetch_optional!(
            self,
            (Vec<u8>,),
            "SELECT k.picture_sealed FROM kept_picture k JOIN analysis a ON a.id = k.analysis_id
             WHERE a.account_id = $1 AND a.id = $2",
            account_id,
            analysis_id
        )?;
        Ok(row.map(|(sealed,)| sealed))
    }

    pub async fn delete_analysis(&mut self, account_id: &str, id: &str) -> Result<bool, StoreError> {
        Ok(execute!(self, "DELETE FROM analysis WHERE account_id = $1 AND id = $2", account_id, id)? == 1)
    }

    pub async fn count_analyses_since(&mut self, since: i64) -> Result<u64, StoreError> {
        Ok(fetch_number!(self, "SELECT COUNT(*) FROM analysis WHERE started_at >= $1", since)?.unsigned_abs())
    }
}
