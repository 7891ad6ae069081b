//! Runs whose server is gone: those that can go on are taken over, the others are ended with a clear record.

use std::time::Duration;

use ::analysis::{AnalysisError, Begin, ModeSettings, Picture, StoredJob};
use domain::id::AnalysisId;
use domain::run::{RunLease, RunRecord};
use protocol::ServiceError;
use protocol::analysis::{AnalysisEvent, WindowText};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::Analyses;
use super::events::Listener;
use super::job::prompt_mark;
use super::live::LiveRun;
use super::run::{Guard, conclude, tell};
use super::stored_run::StoredRun;
use crate::failure::Failure;
use crate::job;

/// How many runs are taken over at once.
const BATCH: i64 = 100;

/// What a server needs to go on with a run, beside its checkpoints and the picture.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct StoredInput {
    pub question: String,
    pub mode: ModeSettings,
    pub conversation: String,
    pub text: Option<WindowText>,
}

fn context(run: &AnalysisId) -> String {
    format!("analysis_run.input:{run}")
}

impl Analyses {
    /// Says that this server lives, and looks after the runs of those that do not, until `shutdown`.
    pub async fn keep_runs(self, shutdown: CancellationToken) {
        let third = self.env.config.workflows.lease_seconds.div_ceil(3).max(1);
        let interval = Duration::from_secs(third.into());
        job::every(interval, &shutdown, "runs", || async {
            self.renew_leases().await?;
            self.take_over().await
        })
        .await;
    }

    /// The server is to stop: runs that can be handed over are.
    pub async fn hand_over_at(self, shutdown: CancellationToken) {
        shutdown.cancelled().await;
        let drain = self.drain.clone();
        tokio::select! {
            () = drain.begin() => {}
            // None is left, and none is begun any more.
            () = self.finish() => {}
        }
    }

    pub(super) fn lease(&self) -> RunLease {
        let until = self.env.now() + i64::from(self.env.config.workflows.lease_seconds);
        RunLease { server_id: self.server_id.clone(), until }
    }

    pub(super) fn seal_input(&self, run: &AnalysisId, input: &StoredInput) -> Result<Vec<u8>, ServiceError> {
        let json = serde_json::to_vec(input).map_err(|_| protocol::Problem::internal())?;
        let sealed = self.env.vault.seal(&context(run), &json, self.env.random.as_ref());
        Ok(sealed.map_err(Failure::Vault)?)
    }

    pub(super) fn open_input(&self, run: &RunRecord) -> Result<Option<StoredInput>, ServiceError> {
        let Some(sealed) = &run.input else { return Ok(None) };
        let opened = self.env.vault.open(&context(&run.id), sealed).map_err(Failure::Vault)?;
        Ok(serde_json::from_slice(&opened).ok())
    }

    async fn renew_leases(&self) -> Result<(), ServiceError> {
        if self.live.is_empty() {
            return Ok(());
        }
        let mut tx = self.env.store.begin().await?;
        tx.runs().renew_leases(&self.lease()).await?;
        Ok(tx.commit().await?)
    }

    /// Takes over the runs that no server has. Safe to run on several servers at once.
    pub async fn take_over(&self) -> Result<(), ServiceError> {
        // An SQLite file has one server: what another one has begun, it does not go on with.
        let only_server = (self.env.store.kind() == "sqlite").then_some(self.server_id.as_str());
        let now = self.env.now();
        let abandoned = self.env.store.read().await?.runs().abandoned(now, only_server, BATCH).await?;
        for run in abandoned {
            if self.live.find(&run.id).is_some() {
                continue;
            }
            let lease = self.lease();
            let mut tx = self.env.store.begin().await?;
            let taken = tx.runs().take_over(&run, &lease).await?;
            tx.commit().await?;
            if taken {
                let run = RunRecord { attempt: run.attempt + 1, lease, ..run };
                self.go_on(run).await?;
            }
        }
        Ok(())
    }

    async fn go_on(&self, run: RunRecord) -> Result<(), ServiceError> {
        let record = if run.is_analysis {
            self.env.store.read().await?.analyses().find(&run.account_id, &run.id).await?
        } else {
            None
        };
        let job = if run.detached { self.stored_job(&run).await? } else { None };
        let entry = self.live.insert(LiveRun::new(run.id.clone(), run.account_id.clone(), run.attempt));
        let Some(job) = job else {
            let error = AnalysisError::Restarted;
            if let Some(mut record) = record {
                conclude(&mut record, &entry.run.recorded(), None, &Err(AnalysisError::Restarted));
                self.store_end(&record, &[], Guard::Own).await;
            } else {
                self.end_replay(&run.id, 0, &[], &Err(AnalysisError::Restarted)).await;
            }
            tell(&entry, &Listener::Detached, AnalysisEvent::Error(error.problem())).await;
            return Ok(());
        };
        let span = tracing::info_span!("analysis", analysis_id = %run.id);
        tracing::info!(parent: &span, attempt = run.attempt, "a run goes on after a restart");
        let stored = StoredRun {
            entry,
            job,
            begin: Begin::Restarted,
            record,
            listener: Listener::Detached,
            admission: None,
            waits_until: run.waits_until,
            started_at: run.started_at,
        };
        self.running.spawn(self.clone().run_workflow(stored).instrument(span));
        Ok(())
    }

    /// `None`: the run cannot go on.
    pub(super) async fn stored_job(&self, run: &RunRecord) -> Result<Option<StoredJob>, ServiceError> {
        let Some(input) = self.open_input(run)? else { return Ok(None) };
        let workflow = self.workflows.version(&run.workflow_id, run.workflow_version).await;
        let Some(workflow) = workflow.ok().flatten() else { return Ok(None) };
        let conversation = input.conversation.parse().ok();
        Ok(Some(StoredJob {
            id: run.id.to_string(),
            asker: ::analysis::Asker { person: run.account_id.to_string(), ambient: false },
            turns: self.turns(conversation.as_ref(), &run.id).await?,
            conversation: input.conversation,
            question: input.question,
            mark: prompt_mark(&self.env.vault, &input.mode.id, self.env.now()),
            mode: input.mode,
            picture: self.stored_picture(run).await?,
            text: input.text,
            workflow: workflow.graph,
        }))
    }

    /// The picture of a run's analysis, where pictures are kept.
    async fn stored_picture(&self, run: &RunRecord) -> Result<Option<Picture>, ServiceError> {
        let (account, analysis) = match &run.origin {
            None => (run.account_id.clone(), run.id.clone()),
            Some((origin, _)) => match self.env.store.read().await?.runs().find(origin).await? {
                None => return Ok(None),
                Some(origin) => (origin.account_id, origin.id),
            },
        };
        let Some(stored) = self.screenshots.of(&account, &analysis).await? else { return Ok(None) };
        Ok(self.pictures.accept(stored.bytes.into()).await.ok())
    }
}
