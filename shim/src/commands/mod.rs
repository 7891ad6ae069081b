//! The commands that the page can call. Each parses, calls what does the work, and replies; names, arguments and replies
//! are those of [`protocol::desktop`].
//!
//! Errors are problem documents. No reply holds a key, a challenge, a token or a frame's pixels.

mod payload;

use std::sync::Arc;

use desktop::encoded_image::EncodedImage;
use protocol::Problem;
use protocol::analysis::PersonAnswer;
use protocol::desktop::{
    Analyze, AnswerQuestion, CancelAnalysis, CapturePreview, CaptureScreen, Command, Conversations,
    CurrentPolicy, CurrentSession, ImageSource, Logout, Look, Modes, ReviewEdits, SessionStatus, Verify,
    WatchHotkey,
};
use protocol::native::Login;
use tauri::ipc::{JavaScriptChannelId, Response};
use tauri::{State, Webview, WebviewWindow};

use crate::app_state::AppState;
use crate::assistance::Assistance;
use crate::native_api::AnalysisRequest;
use crate::policy::PolicyKeeper;
use payload::Payload;

type Reply<C> = Result<<C as Command>::Reply, Problem>;

#[tauri::command]
pub async fn session(state: State<'_, AppState>) -> Reply<CurrentSession> {
    Ok(SessionStatus::from(state.native_api().await?.session().await?))
}

#[tauri::command]
pub async fn login(state: State<'_, AppState>, arguments: Payload<Login>) -> Reply<Login> {
    let Login { username, password } = arguments.0;
    state.native_api().await?.login(username, password).await
}

#[tauri::command]
pub async fn verify(
    state: State<'_, AppState>,
    policy: State<'_, Arc<PolicyKeeper>>,
    arguments: Payload<Verify>,
) -> Reply<Verify> {
    let native_api = state.native_api().await?;
    let session = native_api.verify(arguments.0.code).await?;
    policy.after_sign_in(&native_api).await;
    Ok(session.into())
}

#[tauri::command]
#[expect(clippy::unnecessary_wraps, reason = "every command replies with a result")]
pub fn current_policy(policy: State<'_, Arc<PolicyKeeper>>) -> Reply<CurrentPolicy> {
    Ok(policy.notice())
}

#[tauri::command]
pub async fn logout(state: State<'_, AppState>) -> Reply<Logout> {
    state.analyses.cancel_all();
    state.native_api().await?.logout().await
}

#[tauri::command]
pub async fn modes(state: State<'_, AppState>) -> Reply<Modes> {
    state.native_api().await?.modes().await
}

#[tauri::command]
pub async fn conversations(
    state: State<'_, AppState>,
    arguments: Payload<Conversations>,
) -> Reply<Conversations> {
    state.native_api().await?.conversations(arguments.0).await
}

/// For pages of older servers, which show no text: only the picture is sent.
#[tauri::command]
pub async fn capture_screen(
    window: WebviewWindow,
    state: State<'_, AppState>,
    assistance: State<'_, Arc<Assistance>>,
) -> Reply<CaptureScreen> {
    let looked = assistance.look(&state, window).await?;
    assistance.forget(&looked.screen.id);
    Ok(looked.screen)
}

#[tauri::command]
pub async fn look(
    window: WebviewWindow,
    state: State<'_, AppState>,
    assistance: State<'_, Arc<Assistance>>,
) -> Reply<Look> {
    assistance.look(&state, window).await
}

#[tauri::command]
pub async fn review_edits(
    window: WebviewWindow,
    state: State<'_, AppState>,
    assistance: State<'_, Arc<Assistance>>,
    arguments: Payload<ReviewEdits>,
) -> Reply<ReviewEdits> {
    assistance.review(&state, window, arguments.0).await
}

#[tauri::command]
pub fn watch_hotkey(
    webview: Webview,
    assistance: State<'_, Arc<Assistance>>,
    arguments: Payload<WatchHotkey>,
) -> Reply<WatchHotkey> {
    Ok(assistance.watch_hotkey(channel(&arguments.0.events)?.channel_on(webview)))
}

#[tauri::command]
pub async fn capture_preview(
    state: State<'_, AppState>,
    arguments: Payload<CapturePreview>,
) -> Result<Response, Problem> {
    Ok(Response::new(state.preview(&arguments.0.id).await?))
}

#[tauri::command]
pub async fn analyze(
    webview: Webview,
    state: State<'_, AppState>,
    assistance: State<'_, Arc<Assistance>>,
    policy: State<'_, Arc<PolicyKeeper>>,
    arguments: Payload<Analyze>,
) -> Reply<Analyze> {
    let Analyze { analysis_id, image, context, conversation, mode, events } = arguments.0;
    let events = channel(&events)?.channel_on(webview);
    let running = state.analyses.start(analysis_id);
    let (text, selection) = match &image {
        ImageSource::Capture { id } => assistance.sent_with(id),
        ImageSource::None | ImageSource::Upload { .. } => (None, None),
    };
    let image = match image {
        ImageSource::Capture { id } => Some(state.image(&id).await?),
        ImageSource::None => None,
        ImageSource::Upload { data } => Some(EncodedImage::from_base64(&data)?),
    };
    if image.is_some() {
        policy.send()?;
    }
    let mode = mode.filter(|id| !id.is_empty());
    let request = AnalysisRequest { image, context, conversation, mode, text, selection };
    state.native_api().await?.analyze(request, running.cancel(), |event| events.send(event).is_ok()).await
}

#[tauri::command]
pub async fn answer_question(
    state: State<'_, AppState>,
    arguments: Payload<AnswerQuestion>,
) -> Reply<AnswerQuestion> {
    let AnswerQuestion { analysis_id, question, answer } = arguments.0;
    state.native_api().await?.answer(&analysis_id, &PersonAnswer { question, answer }).await
}

#[tauri::command]
pub fn cancel_analysis(state: State<'_, AppState>, arguments: Payload<CancelAnalysis>) {
    state.analyses.cancel(&arguments.0.analysis_id);
}

fn channel(name: &str) -> Result<JavaScriptChannelId, Problem> {
    name.parse().map_err(|_| Problem::invalid_input().field("events", "Expected a channel."))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use protocol::desktop::COMMANDS;
    use serde_json::json;

    use crate::window;

    #[test]
    fn the_page_may_call_exactly_these_commands() {
        let capability: serde_json::Value =
            serde_json::from_str(include_str!("../../capabilities/sidebar.json")).unwrap();
        let allowed = capability["permissions"].as_array().unwrap().iter().map(|p| p.as_str().unwrap());
        let allowed: Vec<_> = allowed.map(|p| p.trim_start_matches("allow-").replace('-', "_")).collect();
        let handlers: Vec<_> = include_str!("../main.rs")
            .split("commands::")
            .skip(1)
            .map(|rest| rest.split(',').next().unwrap().to_owned())
            .collect();
        let commands: BTreeSet<_> = COMMANDS.iter().map(|name| (*name).to_owned()).collect();
        for (names, whose) in [(allowed, "the capability's"), (handlers, "the handler's")] {
            assert_eq!(names.len(), COMMANDS.len(), "{whose}");
            assert_eq!(names.into_iter().collect::<BTreeSet<_>>(), commands, "{whose}");
        }
        assert_eq!(commands.len(), COMMANDS.len(), "each name once");
        assert_eq!(capability["windows"], json!([window::LABEL]));
    }
}
