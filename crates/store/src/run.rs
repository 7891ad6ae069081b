//! Runs of workflows, and which server has them.

use domain::analysis::Step;
use domain::id::{AccountId, AnalysisId};
use domain::run::{RunLease, RunRecord, RunState};

use crate::query::{execute, fetch_all, fetch_optional};
use crate::{Runs, StoreError, parsed};

#[derive(sqlx::FromRow)]
struct Row {
    #[sqlx(try_from = "String")]
    id: AnalysisId,
    analysis_id: Option<String>,
    #[sqlx(try_from = "String")]
    account_id: AccountId,
    mode_id: String,
    workflow_id: String,
    workflow_version: i64,
    origin_id: Option<String>,
    origin_sequence: Option<i64>,
    state: String,
    detached: bool,
    started_at: i64,
    ms: Option<i64>,
    tokens: i64,
    steps: String,
    input_sealed: Option<Vec<u8>>,
    questions_sealed: Option<Vec<u8>>,
    waits_until: Option<i64>,
    attempt: i64,
    server_id: String,
    leased_until: i64,
}

impl TryFrom<Row> for RunRecord {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let origin = match row.origin_id.zip(row.origin_sequence) {
            Some((id, sequence)) => Some((parsed("analysis_run", id)?, sequence)),
            None => None,
        };
        let steps: Vec<Step> = serde_json::from_str(&row.steps).map_err(|_| StoreError::Inconsistent {
            table: "analysis_run",
            id: row.id.to_string(),
            what: "steps of another form".to_owned(),
        })?;
        Ok(Self {
            is_analysis: row.analysis_id.is_some(),
            state: parsed("analysis_run", row.state)?,
            id: row.id,
            account_id: row.account_id,
            mode_id: row.mode_id,
            workflow_id: row.workflow_id,
            workflow_version: row.workflow_version,
            origin,
            detached: row.detached,
            started_at: row.started_at,
            ms: row.ms,
            tokens: row.tokens,
            steps,
            input: row.input_sealed,
            questions: row.questions_sealed,
            waits_until: row.waits_until,
            attempt: row.attempt,
            lease: RunLease { server_id: row.server_id, until: row.leased_until },
        })
    }
}

const COLUMNS: &str = "id, analysis_id, account_id, mode_id, workflow_id, workflow_version, origin_id,
    origin_sequence, state, detached, started_at, ms, tokens, steps, input_sealed, questions_sealed, waits_until,
    attempt, server_id, leased_until";

/// How a run has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunEnd<'a> {
    pub state: RunState,
    pub ended_at: i64,
    /// In milliseconds.
    pub ms: Option<i64>,
    pub tokens: i64,
    pub steps: &'a [Step],
}

impl Runs<'_> {
    pub async fn insert(&mut self, run: &RunRecord) -> Result<(), StoreError> {
        let sql = format!(
            "INSERT INTO analysis_run ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,
             $14, $15, $16, $17, $18, $19, $20)"
        );
        let (origin, sequence) = run.origin.as_ref().map(|(id, sequence)| (id.as_str(), *sequence)).unzip();
        execute!(
            self.0,
            &sql,
            run.id.as_str(),
            run.is_analysis.then(|| run.id.as_str()),
            run.account_id.as_str(),
            &run.mode_id,
            &run.workflow_id,
            run.workflow_version,
            origin,
            sequence,
            run.state.as_str(),
            run.detached,
            run.started_at,
            run.ms,
            run.tokens,
            json_of(&run.steps),
            run.input.as_deref(),
            run.questions.as_deref(),
            run.waits_until,
            run.attempt,
            &run.lease.server_id,
            run.lease.until
        )?;
        Ok(())
    }

    pub async fn find(&mut self, id: &AnalysisId) -> Result<Option<RunRecord>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM analysis_run WHERE id = $1");
        fetch_optional!(self.0, Row, &sql, id.as_str())?.map(RunRecord::try_from).transpose()
    }

    /// The runs of a workflow, the newest first.
    pub async fn of_workflow(
        &mut self,
        workflow_id: &str,
        limit: i64,
        offset: i64,
    ) -> Result<Vec<RunRecord>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM analysis_run WHERE workflow_id = $1
             ORDER BY started_at DESC, id DESC LIMIT $2 OFFSET $3"
        );
        let rows = fetch_all!(self.0, Row, &sql, workflow_id, limit, offset)?;
        rows.into_iter().map(RunRecord::try_from).collect()
    }

    /// Those that no server has: their leases ended before `now`. `but_of`: all that another server has or had.
    pub async fn abandoned(
        &mut self,
        now: i64,
        but_of: Option<&str>,
        limit: i64,
    ) -> Result<Vec<RunRecord>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM analysis_run WHERE state IN ('running', 'waiting')
             AND (leased_until < $1 OR ($2 <> '' AND server_id <> $2)) ORDER BY started_at LIMIT $3"
        );
        let rows = fetch_all!(self.0, Row, &sql, now, but_of.unwrap_or_default(), limit)?;
        rows.into_iter().map(RunRecord::try_from).collect()
    }

    /// Takes over a run that nobody has taken over meanwhile.
    pub async fn take_over(&mut self, run: &RunRecord, lease: &RunLease) -> Result<bool, StoreError> {
        let changed = execute!(
            self.0,
            "UPDATE analysis_run SET server_id = $1, leased_until = $2, attempt = attempt + 1
             WHERE id = $3 AND server_id = $4 AND leased_until = $5 AND attempt = $6
             AND state IN ('running', 'waiting')",
            &lease.server_id,
            lease.until,
            run.id.as_str(),
            &run.lease.server_id,
            run.lease.until,
            run.attempt
        )?;
        Ok(changed == 1)
    }

    /// Says that a server and all its runs live.
    pub async fn renew_leases(&mut self, lease: &RunLease) -> Result<(), StoreError> {
        execute!(
            self.0,
            "UPDATE analysis_run SET leased_until = $1 WHERE server_id = $2 AND state IN ('running', 'waiting')",
            lease.until,
            &lease.server_id
        )?;
        Ok(())
    }

    /// Leaves a run to the next server.
    pub async fn release(&mut self, id: &AnalysisId, server_id: &str) -> Result<(), StoreError> {
        execute!(
            self.0,
            "UPDATE analysis_run SET leased_until = 0 WHERE id = $1 AND server_id = $2",
            id.as_str(),
            server_id
        )?;
        Ok(())
    }

    /// The run waits for a person, and from now on goes on without its client. `false`: this server has it no longer.
    pub async fn wait(
        &mut self,
        id: &AnalysisId,
        server_id: &str,
        waits_until: i64,
        questions: &[u8],
    ) -> Result<bool, StoreError> {
        let changed = execute!(
            self.0,
            "UPDATE analysis_run SET state = 'waiting', detached = $1, waits_until = $2, questions_sealed = $3
             WHERE id = $4 AND server_id = $5 AND state IN ('running', 'waiting')",
            true,
            waits_until,
            questions,
            id.as_str(),
            server_id
        )?;
        Ok(changed == 1)
    }

    /// An answer has come. `false`: this server has the run no longer.
    pub async fn go_on(&mut self, id: &AnalysisId, server_id: &str) -> Result<bool, StoreError> {
        let changed = execute!(
            self.0,
            "UPDATE analysis_run SET state = 'running', waits_until = NULL, questions_sealed = NULL
             WHERE id = $1 AND server_id = $2 AND state = 'waiting'",
            id.as_str(),
            server_id
        )?;
        Ok(changed == 1)
    }

    /// Records the end of a run. `false`: it has ended before, or another server has it.
    pub async fn end(
        &mut self,
        id: &AnalysisId,
        server_id: &str,
        end: &RunEnd<'_>,
    ) -> Result<bool, StoreError> {
        let changed = execute!(
            self.0,
            "UPDATE analysis_run SET state = $1, ended_at = $2, ms = $3, tokens = $4, steps = $5,
             questions_sealed = NULL, waits_until = NULL
             WHERE id = $6 AND server_id = $7 AND state IN ('running', 'waiting')",
            end.state.as_str(),
            end.ended_at,
            end.ms,
            end.tokens,
            json_of(end.steps),
            id.as_str(),
            server_id
        )?;
        Ok(changed == 1)
    }

    /// Deletes those that ended before `before`, with their checkpoints.
    pub async fn delete_older(&mut self, before: i64) -> Result<u64, StoreError> {
        execute!(self.0, "DELETE FROM analysis_run WHERE ended_at < $1", before)
    }
}

fn json_of(steps: &[Step]) -> String {
    serde_json::to_string(steps).unwrap_or_else(|_| "[]".to_owned())
}
