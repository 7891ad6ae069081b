//! A client of the server's native API: signing in, modes, the analysis of an image.
//!
//! The challenge and the access token stay in here; callers get neither. A 401 response to a token ends that sign-in.

mod analyze;
mod conversations;
mod edits;
mod event_stream;
mod sign_in;

use std::sync::Arc;

use desktop::encoded_image::EncodedImage;
use http::{Method, StatusCode};
use parking_lot::{Mutex, MutexGuard};
use protocol::analysis::WindowText;
use protocol::desktop::ChallengeSummary;
use protocol::mode::ModeSummary;
use protocol::native::{AccessToken, Challenge, Login, Renew, Renewed, SecondFactor, Session};
use protocol::policy::FleetPolicy;
use protocol::{Problem, Secret};
use reqwest::multipart::{Form, Part};
use reqwest::{RequestBuilder, Response};
use serde::de::DeserializeOwned;

use crate::transport::{REQUEST_TIMEOUT, Transport, TransportError};
use sign_in::SignIn;

#[derive(Debug)]
pub struct AnalysisRequest {
    /// `None`: the question follows another one, and is answered without the screen.
    pub image: Option<EncodedImage>,
    pub context: String,
    /// The conversation that the question follows; `None` for a new one.
    pub conversation: Option<String>,
    /// The mode's id; `None` for the server's first.
    pub mode: Option<String>,
    /// What the window in front says of itself.
    pub text: Option<WindowText>,
    /// What is selected there.
    pub selection: Option<String>,
}

#[derive(Debug)]
pub struct NativeApiClient {
    transport: Arc<Transport>,
    sign_in: Mutex<SignIn>,
}

impl NativeApiClient {
    pub fn new(transport: Arc<Transport>) -> Self {
        Self { transport, sign_in: Mutex::default() }
    }

    /// With the token of a sign-in that exists already.
    pub fn signed_in(transport: Arc<Transport>, token: Secret) -> Self {
        Self { transport, sign_in: Mutex::new(SignIn::In(token)) }
    }

    pub fn transport(&self) -> &Arc<Transport> {
        &self.transport
    }

    /// The access token, while somebody is signed in.
    pub fn token(&self) -> Option<Secret> {
        self.sign_in().token()
    }

    /// Whether the server takes this machine's certificate; nobody needs to be signed in.
    pub async fn certificate(&self) -> Result<(), Problem> {
        match self.send(self.request(Method::GET, "/native/session")).await {
            Err(problem) if problem.status != StatusCode::UNAUTHORIZED => Err(problem),
            _ => Ok(()),
        }
    }

    /// The session as the server sees it. `Ok(None)`: nobody is signed in.
    pub async fn session(&self) -> Result<Option<Session>, Problem> {
        let Some((token, request)) = self.with_token(Method::GET, "/native/session") else { return Ok(None) };
        match self.authorised(&token, request).await {
            Ok(response) => self.json(response).await.map(Some),
            Err(problem) if problem.status == StatusCode::UNAUTHORIZED => Ok(None),
            Err(problem) => Err(problem),
        }
    }

    /// The first step. Ends a sign-in before it.
    pub async fn login(&self, username: String, password: Secret) -> Result<ChallengeSummary, Problem> {
        let request = self.request(Method::POST, "/native/login").json(&Login { username, password });
        let Challenge { challenge, methods, expires_in } = self.json(self.send(request).await?).await?;
        *self.sign_in() = SignIn::Challenged(challenge);
        Ok(ChallengeSummary { methods, expires_in })
    }

    /// The second step. After a wrong code the same challenge can be answered again, as long as the server
    /// accepts it.
    pub async fn verify(&self, code: Secret) -> Result<Session, Problem> {
        let challenge = self.sign_in().challenge().ok_or_else(Problem::sign_in_required)?;
        let body = SecondFactor { challenge, code };
        let request = self.request(Method::POST, "/native/verify-2fa").json(&body);
        let AccessToken { access_token, .. } = self.json(self.send(request).await?).await?;
        *self.sign_in() = SignIn::In(access_token);
        self.session().await?.ok_or_else(Problem::sign_in_required)
    }

    /// Ends the sign-in here in any case, and at the server if it can be reached.
    pub async fn logout(&self) -> Result<(), Problem> {
        let Some(token) = std::mem::take(&mut *self.sign_in()).token() else { return Ok(()) };
        match self.authorised(&token, self.request(Method::POST, "/native/logout")).await {
            Err(problem) if problem.status != StatusCode::UNAUTHORIZED => Err(problem),
            _ => Ok(()),
        }
    }

    pub async fn modes(&self) -> Result<Vec<ModeSummary>, Problem> {
        let (token, request) = self.signed_request(Method::GET, "/native/modes")?;
        let response = self.authorised(&token, request).await?;
        self.json(response).await
    }

    /// What administrators allow on this machine.
    pub async fn policy(&self) -> Result<FleetPolicy, Problem> {
        let (token, request) = self.signed_request(Method::GET, "/native/policy")?;
        let response = self.authorised(&token, request).await?;
        self.json(response).await
    }

    /// Asks for this machine's next certificate.
    pub async fn renew(&self, csr: String) -> Result<Renewed, Problem> {
        let (token, request) = self.signed_request(Method::POST, "/native/renew")?;
        let response = self.authorised(&token, request.json(&Renew { csr })).await?;
        self.json(response).await
    }

    /// From now on requests are sent as those of `other`, with `token`; unless the sign-in is no longer the one of `former`.
    /// Returns whether they are.
    pub fn switch_to(&self, other: &Transport, former: Option<&Secret>, token: Option<Secret>) -> bool {
        let mut sign_in = self.sign_in();
        if sign_in.challenge().is_some() || sign_in.token().as_ref() != former {
            return false;
        }
        self.transport.replace_client(other);
        if let Some(token) = token {
            *sign_in = SignIn::In(token);
        }
        true
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.transport.request(method, path).timeout(REQUEST_TIMEOUT)
    }

    /// A token is bound to one certificate, so both are read under one lock.
    fn bound(&self, method: Method, path: &str) -> Option<(Secret, RequestBuilder)> {
        let sign_in = self.sign_in();
        Some((sign_in.token()?, self.transport.request(method, path)))
    }

    fn with_token(&self, method: Method, path: &str) -> Option<(Secret, RequestBuilder)> {
        self.bound(method, path).map(|(token, request)| (token, request.timeout(REQUEST_TIMEOUT)))
    }

    fn signed_request(&self, method: Method, path: &str) -> Result<(Secret, RequestBuilder), Problem> {
        self.with_token(method, path).ok_or_else(Problem::sign_in_required)
    }

    async fn authorised(&self, token: &Secret, request: RequestBuilder) -> Result<Response, Problem> {
        let result = self.send(request.bearer_auth(token.expose())).await;
        if let Err(problem) = &result
            && problem.status == StatusCode::UNAUTHORIZED
        {
            tracing::info!("the server ended the sign-in");
            self.sign_in().end(token);
        }
        result
    }

    /// A response of success, or the server's problem document.
    async fn send(&self, request: RequestBuilder) -> Result<Response, Problem> {
        let request = request.header("sec-fetch-site", "same-origin").header("sec-fetch-mode", "cors");
        let response = self.transport.start(request).await.map_err(|failure| self.problem(&failure))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let body = response.bytes().await.unwrap_or_default();
        Err(serde_json::from_slice(&body).unwrap_or_else(|_| unexpected(status)))
    }

    async fn text(&self, response: Response) -> Result<String, Problem> {
        let body = response.text().await;
        body.map_err(|error| self.problem(&TransportError::from_reqwest(&error)))
    }

    async fn json<T: DeserializeOwned>(&self, response: Response) -> Result<T, Problem> {
        let status = response.status();
        let body =
            response.bytes().await.map_err(|error| self.problem(&TransportError::from_reqwest(&error)))?;
        serde_json::from_slice(&body).map_err(|_| unexpected(status))
    }

    fn problem(&self, failure: &TransportError) -> Problem {
        tracing::warn!(error = %failure, "request to the native API failed");
        failure.problem(self.transport.server())
    }

    fn sign_in(&self) -> MutexGuard<'_, SignIn> {
        self.sign_in.lock()
    }
}

fn form(request: AnalysisRequest) -> Result<Form, Problem> {
    let AnalysisRequest { image, context, conversation, mode, text, selection } = request;
    let mut form = Form::new();
    if let Some(image) = image {
        let image = Part::bytes(image.bytes)
            .file_name(format!("picture.{}", image.media_type.extension()))
            .mime_str(image.media_type.as_str())
            .map_err(|_| Problem::internal())?;
        form = form.part("image", image);
    }
    form = form.text("context", context);
    if let Some(text) = text {
        let text = serde_json::to_string(&text).map_err(|_| Problem::internal())?;
        let text = Part::text(text).mime_str("application/json").map_err(|_| Problem::internal())?;
        form = form.part("text", text);
    }
    for (name, value) in [("conversation", conversation), ("mode", mode), ("selection", selection)] {
        if let Some(value) = value {
            form = form.text(name, value);
        }
    }
    Ok(form)
}

fn unexpected(status: StatusCode) -> Problem {
    Problem::new("unexpected-answer", status.as_u16(), "The server answered in an unexpected way").detail(
        format!(
            "It answered with status {}. Server and desktop program may be of different versions.",
            status.as_u16()
        ),
    )
}

#[cfg(test)]
mod tests;
