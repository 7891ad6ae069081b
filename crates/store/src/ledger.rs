//! The ledger of what left each machine, and how much each person sends.

use domain::Page;
use domain::analysis::AnalysisState;
use domain::id::{AccountId, AnalysisId};
use domain::ledger::{LedgerEntry, NewEntry, UseRow};

use crate::query::{execute, fetch_all, fetch_number, fetch_optional};
use crate::{Ledger, StoreError, parsed};

const DAY: i64 = 24 * 3_600;

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    started_at: i64,
    device_name: String,
    image_sha256: String,
    image_bytes: i64,
    image_width: i64,
    image_height: i64,
    program: String,
    title: String,
    caused_by: String,
    masks: i64,
    with_text: i64,
    mode: String,
    provider: String,
    model: String,
    state: Option<String>,
}

impl TryFrom<Row> for LedgerEntry {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let decision = match row.state.map(|state| parsed("analysis", state)).transpose()? {
            None => "refused",
            Some(AnalysisState::Finished) => "answered",
            Some(other) => other.as_str(),
        };
        Ok(Self {
            id: row.id,
            at: row.started_at,
            device: row.device_name,
            image_sha256: row.image_sha256,
            image_bytes: row.image_bytes,
            image_width: row.image_width,
            image_height: row.image_height,
            program: row.program,
            title: row.title,
            trigger: parsed("ledger_entry", row.caused_by)?,
            masks: row.masks,
            with_text: row.with_text != 0,
            mode: row.mode,
            provider: row.provider,
            model: row.model,
            decision: decision.to_owned(),
        })
    }
}

const SELECT: &str = "SELECT l.id, l.started_at, c.device_name, l.image_sha256, l.image_bytes, l.image_width,
    l.image_height, l.program, l.title, l.caused_by, l.masks, l.with_text, COALESCE(m.name, l.mode_id) AS mode,
    COALESCE(a.provider, '') AS provider, COALESCE(a.model, '') AS model, a.state
    FROM ledger_entry l JOIN machine_certificate c ON c.id = l.certificate_id
    LEFT JOIN analysis a ON a.id = l.analysis_id LEFT JOIN mode m ON m.id = l.mode_id";

impl Ledger<'_> {
    pub async fn insert(&mut self, entry: &NewEntry) -> Result<(), StoreError> {
        execute!(
            self.0,
            "INSERT INTO ledger_entry (id, account_id, certificate_id, analysis_id, mode_id, started_at, image_sha256,
             image_bytes, image_width, image_height, program, title, caused_by, masks, with_text)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
            &entry.id,
            entry.account_id.as_str(),
            entry.certificate_id.as_str(),
            entry.analysis_id.as_ref().map(AnalysisId::as_str),
            &entry.mode_id,
            entry.at,
            &entry.image_sha256,
            entry.image_bytes,
            entry.image_width,
            entry.image_height,
            &entry.program,
            &entry.title,
            entry.trigger.as_str(),
            entry.masks,
            i64::from(entry.with_text)
        )?;
        Ok(())
    }

    /// Counts a picture of its day, unless there are `budget` already: then `false`.
    pub async fn count(&mut self, entry: &NewEntry, budget: Option<u32>) -> Result<bool, StoreError> {
        let most = budget.map_or(i64::MAX, i64::from);
        if most == 0 {
            return Ok(false);
        }
        // One statement, so that of two pictures at the same time one does not exceed the budget.
        let counted = execute!(
            self.0,
            "INSERT INTO picture_count (account_id, day, pictures) VALUES ($1, $2, 1)
             ON CONFLICT (account_id, day) DO UPDATE SET pictures = picture_count.pictures + 1
             WHERE picture_count.pictures < $3",
            entry.account_id.as_str(),
            entry.day(),
            most
        )?;
        if counted == 0 {
            return Ok(false);
        }
        execute!(
            self.0,
            "INSERT INTO picture_use (account_id, day, program, pictures, bytes) VALUES ($1, $2, $3, 1, $4)
             ON CONFLICT (account_id, day, program) DO UPDATE
             SET pictures = picture_use.pictures + 1, bytes = picture_use.bytes + excluded.bytes",
            entry.account_id.as_str(),
            entry.day(),
            &entry.program,
            entry.image_bytes
        )?;
        Ok(true)
    }

    /// One page of an account's entries, the newest first. `page` counts from 0.
    pub async fn list(
        &mut self,
        account_id: &AccountId,
        page: u32,
        page_size: u32,
    ) -> Result<Page<LedgerEntry>, StoreError> {
        let count = "SELECT COUNT(*) FROM ledger_entry WHERE account_id = $1";
        let total = fetch_number!(self.0, count, account_id.as_str())?.unsigned_abs();
        let sql = format!(
            "{SELECT} WHERE l.account_id = $1 ORDER BY l.started_at DESC, l.id DESC LIMIT $2 OFFSET $3"
        );
        let (size, offset) = (i64::from(page_size), i64::from(page) * i64::from(page_size));
        let rows: Vec<Row> = fetch_all!(self.0, Row, &sql, account_id.as_str(), size, offset)?;
        let rows = rows.into_iter().map(LedgerEntry::try_from).collect::<Result<_, _>>()?;
        Ok(Page { rows, total, page, page_size })
    }

    /// Erases one of an account's entries with its analysis; `false` if there is none. What was counted stays, without the
    /// program.
    pub async fn erase(&mut self, account_id: &AccountId, id: &str) -> Result<bool, StoreError> {
        let erased: Option<(Option<String>, i64, String, i64)> = fetch_optional!(
            self.0,
            (Option<String>, i64, String, i64),
            "DELETE FROM ledger_entry WHERE account_id = $1 AND id = $2
             RETURNING analysis_id, started_at, program, image_bytes",
            account_id.as_str(),
            id
        )?;
        let Some((analysis_id, started_at, program, bytes)) = erased else { return Ok(false) };
        if let Some(analysis_id) = analysis_id {
            let analysis_id = parsed("ledger_entry", analysis_id)?;
            self.0.analyses().delete(account_id, &analysis_id).await?;
        }
        if !program.is_empty() {
            self.forget_program(account_id, started_at.div_euclid(DAY), &program, bytes).await?;
        }
        Ok(true)
    }

    async fn forget_program(
        &mut self,
        account_id: &AccountId,
        day: i64,
        program: &str,
        bytes: i64,
    ) -> Result<(), StoreError> {
        let moved = execute!(
            self.0,
            "UPDATE picture_use SET pictures = pictures - 1, bytes = bytes - $4
             WHERE account_id = $1 AND day = $2 AND program = $3 AND pictures > 0",
            account_id.as_str(),
            day,
            program,
            bytes
        )?;
        if moved == 1 {
            execute!(
                self.0,
                "INSERT INTO picture_use (account_id, day, program, pictures, bytes) VALUES ($1, $2, '', 1, $3)
                 ON CONFLICT (account_id, day, program) DO UPDATE
                 SET pictures = picture_use.pictures + 1, bytes = picture_use.bytes + excluded.bytes",
                account_id.as_str(),
                day,
                bytes
            )?;
        }
        execute!(
            self.0,
            "DELETE FROM picture_use WHERE account_id = $1 AND day = $2 AND program = $3 AND pictures = 0",
            account_id.as_str(),
            day,
            program
        )?;
        Ok(())
    }

    /// Erases all of an account's entries, questions, answers and pictures. Returns the number of entries. What was counted
    /// stays, without the programs.
    pub async fn erase_all(&mut self, account_id: &AccountId) -> Result<u64, StoreError> {
        let account = account_id.as_str();
        let erased = execute!(self.0, "DELETE FROM ledger_entry WHERE account_id = $1", account)?;
        execute!(self.0, "DELETE FROM analysis WHERE account_id = $1", account)?;
        execute!(self.0, "DELETE FROM conversation WHERE account_id = $1", account)?;
        execute!(
            self.0,
            "INSERT INTO picture_use (account_id, day, program, pictures, bytes)
             SELECT account_id, day, '', CAST(SUM(pictures) AS BIGINT), CAST(SUM(bytes) AS BIGINT)
             FROM picture_use WHERE account_id = $1 AND program <> '' GROUP BY account_id, day
             ON CONFLICT (account_id, day, program) DO UPDATE
             SET pictures = picture_use.pictures + excluded.pictures, bytes = picture_use.bytes + excluded.bytes",
            account
        )?;
        execute!(self.0, "DELETE FROM picture_use WHERE account_id = $1 AND program <> ''", account)?;
        Ok(erased)
    }

    /// What each person has sent of each program since a day, the most first.
    pub async fn usage(&mut self, since_day: i64, limit: i64) -> Result<Vec<UseRow>, StoreError> {
        let rows: Vec<(String, String, i64, i64, i64)> = fetch_all!(
            self.0,
            (String, String, i64, i64, i64),
            "SELECT a.email, u.program, CAST(SUM(u.pictures) AS BIGINT) AS pictures, CAST(SUM(u.bytes) AS BIGINT) AS bytes,
             MAX(u.day) AS day FROM picture_use u JOIN account a ON a.id = u.account_id WHERE u.day >= $1
             GROUP BY a.email, u.program ORDER BY 3 DESC, 1, 2 LIMIT $2",
            since_day,
            limit
        )?;
        let row = |(email, program, pictures, bytes, day): (String, String, i64, i64, i64)| UseRow {
            email,
            program,
            pictures,
            bytes,
            last_day: day * DAY,
        };
        Ok(rows.into_iter().map(row).collect())
    }

    /// Deletes the counts of days before `before_day`.
    pub async fn clean_up(&mut self, before_day: i64) -> Result<(), StoreError> {
        execute!(self.0, "DELETE FROM picture_use WHERE day < $1", before_day)?;
        execute!(self.0, "DELETE FROM picture_count WHERE day < $1", before_day)?;
        Ok(())
    }
}
