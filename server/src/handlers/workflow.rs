//! The HTTP handler that runs the draft of a workflow. It is part of the panel: the other operations on workflows are server
//! functions, which take no files.

use axum::Json;
use axum::extract::{FromRequest, Request, State};
use bytes::{Bytes, BytesMut};
use http::StatusCode;
use protocol::Problem;
use protocol::analysis::PersonAnswer;
use protocol::workflow::TriedWorkflow;
use web::{ApiResult, MultipartBody, multipart_problem, without_nul};

use crate::analysis::{Admission, Analyses, Trial};
use crate::request_context::Admin;
use crate::workflow::Workflows;

/// `POST /app/workflow/try`: runs a draft once on a picture and a question. Nothing of it is stored.
pub async fn run_draft(
    State(analyses): State<Analyses>,
    State(workflows): State<Workflows>,
    Admin(admin): Admin,
    request: Request,
) -> ApiResult<Json<TriedWorkflow>> {
    let mut admission = analyses.admit_trial(&admin.account_id).await?;
    let body = MultipartBody::from_request(request, &()).await?;
    let parts = Parts::read(body, &mut admission).await?;
    let picture = parts
        .image
        .ok_or_else(|| Problem::invalid_input().field("image", "Choose a PNG or JPEG picture."))?;
    let draft = workflows.draft(&parts.id, &parts.document).await?;
    let answers = parts.answers;
    let trial = Trial { question: parts.question, picture, mode: parts.mode, answers };
    let trial = analyses.check_trial(trial).await?;
    // After all checks: what is refused is not run.
    workflows.record_trial(&admin, &draft).await?;
    Ok(Json(analyses.try_workflow(admission, draft.graph, trial).await?))
}

/// The parts of the body.
#[derive(Debug, Default)]
struct Parts {
    id: String,
    document: String,
    question: String,
    mode: String,
    image: Option<Bytes>,
    answers: Vec<PersonAnswer>,
}

impl Parts {
    async fn read(
        MultipartBody(mut body): MultipartBody,
        admission: &mut Admission,
    ) -> Result<Self, Problem> {
        let problem = |error: axum::extract::multipart::MultipartError| match error.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                Problem::invalid_input().field("image", "This picture is too large.")
            }
            _ => multipart_problem(&error),
        };
        let mut parts = Self::default();
        while let Some(mut field) = body.next_field().await.map_err(problem)? {
            let name = field.name().unwrap_or_default().to_owned();
            if name == "image" {
                let mut image = BytesMut::new();
                while let Some(piece) = field.chunk().await.map_err(problem)? {
                    admission.receive(&piece)?;
                    image.extend_from_slice(&piece);
                }
                parts.image = Some(image.freeze());
                continue;
            }
            let text = without_nul(&name, field.text().await.map_err(problem)?)?;
            match name.as_str() {
                "id" => parts.id = text,
                "document" => parts.document = text,
                "context" => parts.question = text,
                "mode" => parts.mode = text,
                "answers" => parts.answers = answers(&text)?,
                _ => return Err(Problem::invalid_input().field("body", "A part has an unknown name.")),
            }
        }
        Ok(parts)
    }
}

/// JSON.
fn answers(text: &str) -> Result<Vec<PersonAnswer>, Problem> {
    let wrong = |_| Problem::invalid_input().field("answers", "Send a list of questions and answers.");
    if text.is_empty() { Ok(Vec::new()) } else { serde_json::from_str(text).map_err(wrong) }
}
