//! What became of proposed edits, as the desktop program reports it.

use domain::audit::Action;
use domain::edit::{EditOutcome, TextEdit};
use domain::id::AnalysisId;
use protocol::analysis::{EditReport, MAX_PROGRAM_CHARS};
use protocol::text::visible;
use protocol::{Problem, ServiceError};

use web::Rule;

use super::Analyses;
use crate::native::Person;

/// Reports of one person, per minute.
const REPORTS_PER_MINUTE: u32 = 60;

impl Analyses {
    /// Stores it with the edits, and in the audit log.
    #[tracing::instrument(
        skip_all,
        level = "debug",
        name = "analysis.edits_reported",
        fields(account_id = %person.account.id, analysis_id = %id)
    )]
    pub async fn report_edits(
        &self,
        person: &Person,
        id: &AnalysisId,
        report: EditReport,
    ) -> Result<(), ServiceError> {
        let rule = Rule::per_minute("edits", REPORTS_PER_MINUTE);
        self.limits.check_key(rule, person.account.id.as_str()).await?;
        if report.program.chars().count() > MAX_PROGRAM_CHARS {
            let message = format!("Use at most {MAX_PROGRAM_CHARS} characters.");
            return Err(Problem::invalid_input().field("program", message).into());
        }
        let mut tx = self.env.store.begin().await?;
        // Two machines may report at the same time: an edit that was inserted stays so.
        tx.certificates().lock_machines_of(&person.account.id).await?;
        let record = tx.analyses().find(&person.account.id, id).await?.ok_or_else(Problem::not_found)?;
        let edits = with_outcome(record.edits, &report)?;
        tx.analyses().set_edits(id, &edits).await?;
        let action = match report.outcome {
            EditOutcome::Declined => Action::EditDeclined,
            EditOutcome::Inserted { .. } => Action::EditInserted,
            EditOutcome::Stopped { .. } => Action::EditStopped,
        };
        let detail = detail_of(&report);
        tx.audit_log().append(self.env.now(), &person.account.id, action, id, &detail).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// Each of the named edits once gets an outcome that stays; one that was not inserted may be tried again.
fn with_outcome(mut edits: Vec<TextEdit>, report: &EditReport) -> Result<Vec<TextEdit>, Problem> {
    let unknown = || Problem::invalid_input().field("edits", "Name edits of this analysis.");
    if report.edits.is_empty() {
        return Err(unknown());
    }
    for id in &report.edits {
        let edit = edits.iter_mut().find(|edit| edit.id == *id).ok_or_else(unknown)?;
        if matches!(edit.outcome, Some(EditOutcome::Inserted { .. })) {
            return Err(Problem::conflict("This edit was inserted already."));
        }
        edit.outcome = Some(report.outcome.clone());
    }
    Ok(edits)
}

/// Without any text of the user.
fn detail_of(report: &EditReport) -> String {
    let program = visible(&report.program);
    let edits = report.edits.join(", ");
    let what = match &report.outcome {
        EditOutcome::Declined => String::new(),
        EditOutcome::Inserted { method, read_back, chosen, changes } => {
            let (method, read_back) = (name_of(method), name_of(read_back));
            format!("; {method}, read back: {read_back}, {chosen} of {changes} changes")
        }
        EditOutcome::Stopped { reason } => format!("; {}", name_of(reason)),
    };
    format!("{program}; edit {edits}{what}")
}

/// As it is in JSON.
fn name_of(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}
