//! One analysis, from its picture to the last event, over as many connections as it takes.

use http::{Method, StatusCode, header};
use protocol::Problem;
use protocol::analysis::{AnalysisEvent, PersonAnswer};
use protocol::following::{Following, ON_DISCONNECT};
use tokio_util::sync::CancellationToken;

use super::{AnalysisRequest, NativeApiClient, event_stream, form};

const EVENT_STREAM: &str = "text/event-stream";

impl NativeApiClient {
    /// Sends the image and hands each event of the answer to `deliver`, which returns whether anybody still
    /// listens. Ends with the answer's last event, or, without one, when `cancel` is called or nobody listens
    /// any more: then the server is told to stop. A stream that breaks off is joined again.
    pub async fn analyze(
        &self,
        analysis: AnalysisRequest,
        cancel: &CancellationToken,
        mut deliver: impl FnMut(AnalysisEvent) -> bool + Send,
    ) -> Result<(), Problem> {
        let mut following = Following::default();
        let result = tokio::select! {
            result = self.follow(analysis, &mut following, &mut deliver) => result,
            () = cancel.cancelled() => Ok(()),
        };
        if result.is_ok()
            && !following.is_over()
            && let Some(id) = following.analysis_id()
        {
            // An older server has stopped with the connection.
            let _ = self.cancel(id).await;
        }
        result
    }

    async fn follow(
        &self,
        analysis: AnalysisRequest,
        following: &mut Following,
        deliver: &mut (impl FnMut(AnalysisEvent) -> bool + Send),
    ) -> Result<(), Problem> {
        let (token, request) =
            self.bound(Method::POST, "/native/analyze").ok_or_else(Problem::sign_in_required)?;
        let (name, value) = ON_DISCONNECT;
        let request = request.header(header::ACCEPT, EVENT_STREAM).header(name, value);
        let response = self.authorised(&token, request.multipart(form(analysis)?)).await?;
        let mut lost = match event_stream::relay(response, following, &mut *deliver).await {
            Ok(()) => return Ok(()),
            Err(failure) => self.problem(&failure),
        };
        while let Some(pause) = following.next_attempt() {
            tokio::time::sleep(pause).await;
            lost = match self.join(following).await {
                Ok(response) => match event_stream::relay(response, following, &mut *deliver).await {
                    Ok(()) => return Ok(()),
                    Err(failure) => self.problem(&failure),
                },
                // What the server refuses, it refuses again.
                Err(problem) if (400..500).contains(&problem.status) => return Err(problem),
                Err(problem) => problem,
            };
        }
        Err(lost)
    }

    async fn join(&self, following: &Following) -> Result<reqwest::Response, Problem> {
        let path = path_of(following.analysis_id().unwrap_or_default(), "events");
        let (token, request) = self.bound(Method::GET, &path).ok_or_else(Problem::sign_in_required)?;
        let request = request.header(header::ACCEPT, EVENT_STREAM);
        let request = match following.last_event_id() {
            Some(id) => request.header("last-event-id", id),
            None => request,
        };
        self.authorised(&token, request).await
    }

    async fn cancel(&self, analysis_id: &str) -> Result<(), Problem> {
        let (token, request) = self.signed_request(Method::POST, &path_of(analysis_id, "cancel"))?;
        self.authorised(&token, request).await.map(drop)
    }

    /// Answers what an analysis asks.
    pub async fn answer(&self, analysis_id: &str, answer: &PersonAnswer) -> Result<(), Problem> {
        let (token, request) = self.signed_request(Method::POST, &path_of(analysis_id, "answers"))?;
        let response = self.authorised(&token, request.json(answer)).await?;
        match response.status() {
            StatusCode::NO_CONTENT => Ok(()),
            status => Err(super::unexpected(status)),
        }
    }
}

/// An id of the server has letters, digits and hyphens. Whatever else a page sends names nothing.
pub(super) fn path_of(analysis_id: &str, what: &str) -> String {
    let id: String =
        analysis_id.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect();
    format!("/native/analyses/{id}/{what}")
}
