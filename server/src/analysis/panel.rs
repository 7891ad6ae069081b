//! The runs of workflows in the panel: looked at, replayed, forked.

use std::collections::BTreeMap;

use ::analysis::{Begin, RunCall, RunCheckpoint};
use app::request_context::Administrator;
use app::services::RunService;
use async_trait::async_trait;
use domain::audit::Action;
use domain::id::{AccountId, AnalysisId};
use domain::run::{RunRecord, RunState};
use protocol::workflow::{CallRow, CheckpointRow, Document, RunDetail, RunRow};
use protocol::{Problem, ServiceError};
use serde_json::Value;
use tracing::Instrument;
use workflow::{CheckpointStore, ThreadId};

use super::Analyses;
use super::events::Listener;
use super::live::LiveRun;
use super::stored_run::StoredRun;
use super::take_over::StoredInput;
use crate::failure::Failure;

/// Runs in the list.
const MAX_ROWS: i64 = 100;
/// The longest value of a channel that is shown, in characters.
const MAX_SHOWN: usize = 20_000;
/// The largest change of a state, in bytes.
const MAX_CHANGES: usize = 64 * 1024;

impl Analyses {
    /// Where the runs of workflows are stored.
    pub fn checkpoints(&self) -> impl CheckpointStore + use<> {
        self.checkpoints.clone()
    }

    async fn run_row(&self, run: &RunRecord) -> Result<RunRow, ServiceError> {
        let account = self.env.store.read().await?.accounts().find(&run.account_id).await?;
        Ok(RunRow {
            id: run.id.to_string(),
            state: run.state.as_str().to_owned(),
            version: run.workflow_version,
            email: account.map(|account| account.email.to_string()).unwrap_or_default(),
            is_replay: run.origin.is_some(),
            started_at: run.started_at,
            ms: run.ms,
            tokens: run.tokens,
        })
    }

    async fn run_of_workflow(&self, id: &str) -> Result<RunRecord, ServiceError> {
        let id: AnalysisId = id.parse().map_err(|_| Problem::not_found())?;
        let run = self.env.store.read().await?.runs().find(&id).await?;
        let run = run.filter(|run| !run.workflow_id.is_empty());
        Ok(run.ok_or_else(Problem::not_found)?)
    }

    /// The record of a run that goes on from a checkpoint of another.
    fn replay_of(
        &self,
        run: &RunRecord,
        id: AnalysisId,
        account_id: &AccountId,
        origin: (AnalysisId, i64),
        input: &StoredInput,
    ) -> Result<RunRecord, ServiceError> {
        Ok(RunRecord {
            is_analysis: false,
            account_id: account_id.clone(),
            origin: Some(origin),
            state: RunState::Running,
            detached: true,
            started_at: self.env.now(),
            ms: None,
            tokens: 0,
            steps: Vec::new(),
            input: Some(self.seal_input(&id, input)?),
            questions: None,
            waits_until: None,
            attempt: 1,
            lease: self.lease(),
            id,
            ..run.clone()
        })
    }
}

#[async_trait]
impl RunService for Analyses {
    #[tracing::instrument(skip_all, level = "debug", name = "run.list", fields(workflow_id = workflow))]
    async fn list(&self, _: &Administrator, workflow: &str) -> Result<Vec<RunRow>, ServiceError> {
        if workflow.is_empty() {
            return Err(Problem::not_found().into());
        }
        let runs = self.env.store.read().await?.runs().of_workflow(workflow, MAX_ROWS, 0).await?;
        let mut rows = Vec::new();
        for run in runs {
            rows.push(self.run_row(&run).await?);
        }
        Ok(rows)
    }

    #[tracing::instrument(skip_all, level = "debug", name = "run.open", fields(run_id = id))]
    async fn open(&self, admin: &Administrator, id: &str) -> Result<RunDetail, ServiceError> {
        let run = self.run_of_workflow(id).await?;
        let workflow = self.workflows.version(&run.workflow_id, run.workflow_version).await?;
        let workflow = workflow.ok_or_else(Problem::not_found)?;
        let thread = ThreadId::new(run.id.as_str());
        let inspected = workflow.graph.inspect(&self.checkpoints, &thread).await;
        let (checkpoints, calls) = inspected.map_err(|error| Failure::Run(Box::new(error)))?;
        let mut tx = self.env.store.begin().await?;
        tx.audit_log()
            .append(self.env.now(), &admin.account_id, Action::WorkflowRunViewed, run.id.as_str(), "")
            .await?;
        tx.commit().await?;
        let document = workflow.graph.document();
        let name = document.name.clone();
        let document = serde_json::to_string(document).map_err(|_| Problem::internal())?;
        Ok(RunDetail {
            row: self.run_row(&run).await?,
            workflow_name: name,
            drawing: Document::parse(&document)
                .map(|document| protocol::workflow::draw(&document))
                .unwrap_or_default(),
            document,
            workflow_id: run.workflow_id,
            origin: run.origin.map(|(id, sequence)| (id.to_string(), sequence)),
            steps: run.steps,
            checkpoints: checkpoints.into_iter().map(checkpoint_row).collect(),
            calls: calls.into_iter().map(call_row).collect(),
        })
    }

    #[tracing::instrument(
        skip_all,
        level = "debug",
        name = "run.replay",
        fields(account_id = %admin.account_id, run_id = id)
    )]
    async fn replay(
        &self,
        admin: &Administrator,
        id: &str,
        sequence: u64,
        changes: &str,
    ) -> Result<String, ServiceError> {
        let admission = self.admissions.admit(&admin.account_id)?;
        let run = self.run_of_workflow(id).await?;
        let workflow = self.workflows.version(&run.workflow_id, run.workflow_version).await?;
        let workflow = workflow.ok_or_else(Problem::not_found)?;
        let changes = parse_changes(changes, &workflow.graph.document().channels)?;
        let input = self.open_input(&run)?.ok_or_else(Problem::not_found)?;
        let new: AnalysisId = self.env.new_id();
        let (thread, forked) = (ThreadId::new(run.id.as_str()), ThreadId::new(new.as_str()));
        let known = self.checkpoints.history(&thread).await.map_err(Failure::Checkpoints)?;
        if !known.contains(&sequence) {
            return Err(Problem::not_found().into());
        }
        let detail = if changes.is_empty() { "replayed" } else { "forked" };
        let made = workflow.graph.fork(&self.checkpoints, &thread, sequence, &forked, changes).await;
        made.map_err(|error| Failure::Run(Box::new(error)))?;
        let origin = (run.id.clone(), i64::try_from(sequence).unwrap_or(i64::MAX));
        let replay = self.replay_of(&run, new.clone(), &admin.account_id, origin, &input)?;
        let mut tx = self.env.store.begin().await?;
        tx.runs().insert(&replay).await?;
        let detail = format!("{detail} from {sequence} as {new}");
        tx.audit_log()
            .append(
                replay.started_at,
                &admin.account_id,
                Action::WorkflowRunReplayed,
                run.id.as_str(),
                &detail,
            )
            .await?;
        tx.commit().await?;
        let job = self.stored_job(&replay).await?.ok_or_else(Problem::not_found)?;
        let entry = self.live.insert(LiveRun::new(new.clone(), admin.account_id.clone(), 1));
        let stored = StoredRun {
            entry,
            job,
            begin: Begin::Continued,
            record: None,
            listener: Listener::Detached,
            admission: Some(admission),
            waits_until: None,
            started_at: replay.started_at,
        };
        let span = tracing::info_span!("replay", run_id = %new);
        self.running.spawn(self.clone().run_workflow(stored).instrument(span));
        Ok(new.into_string())
    }
}

/// A JSON object of channels that the workflow declares.
fn parse_changes<K>(text: &str, declared: &BTreeMap<String, K>) -> Result<BTreeMap<String, Value>, Problem> {
    let wrong = |message: String| Problem::invalid_input().field("changes", message);
    if text.trim().is_empty() {
        return Ok(BTreeMap::new());
    }
    if text.len() > MAX_CHANGES {
        return Err(wrong(format!("Use at most {} kB.", MAX_CHANGES / 1024)));
    }
    let changes: BTreeMap<String, Value> = serde_json::from_str(text)
        .map_err(|_| wrong("Write a JSON object, such as {\"notes\": \"new\"}.".to_owned()))?;
    match changes.keys().find(|channel| !declared.contains_key(*channel)) {
        Some(unknown) => Err(wrong(format!("{unknown} is no channel of this workflow."))),
        None => Ok(changes),
    }
}

fn checkpoint_row(checkpoint: RunCheckpoint) -> CheckpointRow {
    let changes = checkpoint.changes.into_iter().map(|(channel, value)| (channel, shown(&value)));
    CheckpointRow { sequence: checkpoint.sequence, next: checkpoint.next, changes: changes.collect() }
}

fn call_row(call: RunCall) -> CallRow {
    CallRow {
        node: call.node,
        provider: call.provider,
        model: call.model,
        prompt_tokens: call.usage.prompt_tokens,
        completion_tokens: call.usage.completion_tokens,
        sent: call.sent,
    }
}

fn shown(value: &Value) -> String {
    let whole = match value {
        Value::String(text) => text.clone(),
        other => serde_json::to_string_pretty(other).unwrap_or_default(),
    };
    match whole.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}… ({} characters)", &whole[..end], whole.chars().count()),
        None => whole,
    }
}
