//! What the policy says of a question, and its entry in the ledger.

use domain::audit::Action;
use domain::id::AnalysisId;
use domain::ledger::{NewEntry, Trigger};
use domain::policy::PolicyRules;
use protocol::analysis::Capture;
use protocol::{Problem, ServiceError};
use sha2::{Digest, Sha256};
use store::Tx;

use super::{Analyses, Question};
use crate::native::Person;

const DAY: i64 = 24 * 3_600;

/// A picture that has come, until it is recorded.
#[derive(Debug)]
pub(super) struct Departure {
    entry: NewEntry,
    budget: Option<u32>,
}

impl Departure {
    /// Records it in the transaction that stores its analysis. 429 when the day's pictures are used up.
    pub async fn store(&self, tx: &mut Tx) -> Result<(), ServiceError> {
        if !tx.ledger().count(&self.entry, self.budget).await? {
            return Err(budget_spent(self.entry.at).into());
        }
        Ok(tx.ledger().insert(&self.entry).await?)
    }
}

impl Analyses {
    /// Refuses a question that the policy does not allow. The desktop program does not send it; whoever sends it all the same
    /// finds it in the ledger.
    pub(super) async fn check_policy(
        &self,
        person: &Person,
        question: &Question,
        rules: &PolicyRules,
    ) -> Result<(), ServiceError> {
        let capture = question.window();
        let reason = if rules.excludes(&capture.program, &capture.title).is_some() {
            "A window of this program or title may not be shown."
        } else if capture.trigger == Trigger::Ambient && !rules.ambient_allowed {
            "Ambient mode is not allowed."
        } else {
            return Ok(());
        };
        let Some(image) = &question.image else { return Err(refused(reason).into()) };
        let entry = NewEntry {
            image_sha256: hex::encode(Sha256::digest(image)),
            image_bytes: i64::try_from(image.len()).unwrap_or(i64::MAX),
            image_width: 0,
            image_height: 0,
            ..self.entry(person, question, &capture, question.mode.clone().unwrap_or_default())
        };
        let account_id = &person.account.id;
        let mut tx = self.env.store.begin().await?;
        tx.ledger().insert(&entry).await?;
        tx.audit_log().append(entry.at, account_id, Action::PictureRefused, account_id, reason).await?;
        tx.commit().await?;
        Err(refused(reason).into())
    }

    /// The entry of a question's picture; without the analysis.
    fn entry(&self, person: &Person, question: &Question, capture: &Capture, mode_id: String) -> NewEntry {
        NewEntry {
            id: self.env.new_id::<AnalysisId>().into_string(),
            account_id: person.account.id.clone(),
            certificate_id: person.machine.certificate.id.clone(),
            analysis_id: None,
            mode_id,
            at: self.env.now(),
            image_sha256: String::new(),
            image_bytes: 0,
            image_width: 0,
            image_height: 0,
            program: capture.program.clone(),
            title: capture.title.clone(),
            trigger: capture.trigger,
            masks: i64::from(capture.masks),
            with_text: question.text.as_ref().is_some_and(|text| !text.text.is_empty()),
        }
    }

    /// What is recorded of an accepted question. Completed by [`Departure::of`].
    pub(super) fn departure(&self, person: &Person, question: &Question, rules: &PolicyRules) -> Departure {
        let entry = self.entry(person, question, &question.window(), String::new());
        Departure { entry, budget: rules.pictures_per_day }
    }
}

impl Departure {
    /// `None` without a picture: nothing of the screen has left.
    pub fn of(self, record: &domain::analysis::AnalysisRecord) -> Option<Self> {
        let Self { entry, budget } = self;
        let entry = NewEntry {
            analysis_id: Some(record.id.clone()),
            mode_id: record.mode_id.clone(),
            image_sha256: record.image_sha256.clone(),
            image_bytes: record.image_bytes,
            image_width: record.image_width,
            image_height: record.image_height,
            ..entry
        };
        (record.image_bytes > 0).then_some(Self { entry, budget })
    }
}

pub(super) fn refused(reason: &str) -> Problem {
    Problem::new("refused-by-policy", 403, "The policy does not allow this").detail(reason)
}

fn budget_spent(now: i64) -> Problem {
    let left = (DAY - now.rem_euclid(DAY)).unsigned_abs();
    Problem::too_many_requests(left).detail(
        "The pictures that the policy allows for a day are used up. The next day begins at midnight (UTC).",
    )
}
