//! What a server is and has, asked without a question to a model: whether it can be reached, and what its models can do.

mod models;

use std::time::Duration;

use futures::StreamExt;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::config::ProviderKind;
use super::error::ProviderError;
use super::refusal::says_loading;
use super::server::Server;
use super::words::error_message;

/// How long all requests to one server may take together.
const TIME_LIMIT: Duration = Duration::from_secs(5);
/// The longest reply that is read: a hub with thousands of models sends a megabyte.
const MAX_BYTES: usize = 4 << 20;
/// How many models of an Ollama server are asked about, one request each.
const MAX_DETAILS: usize = 40;

/// What came of asking one server.
#[derive(Debug)]
pub struct ServerProbe {
    pub base_url: String,
    /// How long its first reply took.
    pub latency: Duration,
    /// Its models, by name; or why they are not known.
    pub result: Result<Vec<ModelInfo>, ProviderError>,
}

/// A model as its server describes it. `None`: the server does not say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModelInfo {
    pub name: String,
    pub vision: Option<bool>,
    pub tools: Option<bool>,
    pub reasoning: Option<bool>,
    /// The longest context, in tokens.
    pub context_tokens: Option<u64>,
    /// On disk.
    pub bytes: Option<u64>,
    pub state: ModelState,
}

/// Whether a model can answer at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ModelState {
    /// The server has it, and says no more.
    #[default]
    Available,
    Loaded,
    Loading,
    /// It has to be loaded first.
    Unloaded,
}

pub(super) async fn probe(server: &Server) -> ServerProbe {
    let since = Instant::now();
    let mut latency = None;
    let asked = async {
        match server.config.kind {
            ProviderKind::Ollama => ollama(server, since, &mut latency).await,
            ProviderKind::OpenAi => openai(server, since, &mut latency).await,
        }
    };
    let result = tokio::time::timeout(TIME_LIMIT, asked).await;
    let result = result.unwrap_or(Err(ProviderError::IdleTimeout(TIME_LIMIT)));
    let latency = latency.unwrap_or_else(|| since.elapsed());
    ServerProbe { base_url: server.config.base_url.clone(), latency, result }
}

async fn ollama(
    server: &Server,
    since: Instant,
    latency: &mut Option<Duration>,
) -> Result<Vec<ModelInfo>, ProviderError> {
    let tags = request(server, Method::GET, server.config.url("api/tags"), None).await;
    *latency = Some(since.elapsed());
    let mut found = models::of_ollama_tags(&tags?);
    // What follows is only more about them.
    if let Ok(loaded) = request(server, Method::GET, server.config.url("api/ps"), None).await {
        models::mark_loaded(&mut found, &loaded);
    }
    let show = server.config.url("api/show");
    for model in found.iter_mut().take(MAX_DETAILS) {
        let body = json!({"model": model.name});
        if let Ok(details) = request(server, Method::POST, show.clone(), Some(&body)).await {
            models::add_ollama_details(model, &details);
        }
    }
    Ok(found)
}

async fn openai(
    server: &Server,
    since: Instant,
    latency: &mut Option<Duration>,
) -> Result<Vec<ModelInfo>, ProviderError> {
    let listed = request(server, Method::GET, server.config.url("models"), None).await;
    *latency = Some(since.elapsed());
    let mut found = models::of_openai_list(&listed?);
    // llama.cpp says there what its one model can do. Other servers have no such address.
    let base = server.config.base_url.trim_end_matches("/v1");
    if let Ok(props) = request(server, Method::GET, format!("{base}/props"), None).await {
        models::add_llama_props(&mut found, &props);
    }
    Ok(found)
}

async fn request(
    server: &Server,
    method: Method,
    url: String,
    body: Option<&Value>,
) -> Result<Value, ProviderError> {
    let mut request = server.client.request(method, url);
    if let Some(body) = body {
        request = request.json(body);
    }
    if let Some(key) = &server.config.api_key {
        request = request.bearer_auth(key.expose());
    }
    let response = request.send().await.map_err(ProviderError::Unreachable)?;
    let status = response.status();
    if status.is_redirection() {
        return Err(ProviderError::Redirected(status));
    }
    let mut bytes = Vec::new();
    let mut body = response.bytes_stream();
    while let Some(piece) = body.next().await {
        bytes.extend_from_slice(&piece.map_err(|error| ProviderError::Broken(error.to_string()))?);
        if bytes.len() > MAX_BYTES {
            return Err(ProviderError::TooLong(MAX_BYTES));
        }
    }
    if status == StatusCode::SERVICE_UNAVAILABLE && says_loading(&bytes) {
        return Err(ProviderError::StillLoading(TIME_LIMIT));
    }
    if !status.is_success() {
        return Err(ProviderError::Refused { status, message: server.words(&error_message(&bytes)) });
    }
    serde_json::from_slice(&bytes).map_err(|_| {
        let start = String::from_utf8_lossy(&bytes).chars().take(200).collect::<String>();
        ProviderError::NotAnAnswer(server.words(&start))
    })
}
