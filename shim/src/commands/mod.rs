//! The commands that the page can call. Each parses, calls what does the work, and replies; names, arguments and replies
//! are those of [`protocol::desktop`].
//!
//! Errors are problem documents. No reply holds a key, a challenge, a token or a frame's pixels.

mod payload;

use desktop::encoded_image::EncodedImage;
use desktop::window::HiddenWindow;
use protocol::Problem;
use protocol::desktop::{
    Analyze, CancelAnalysis, CapturePreview, CaptureScreen, CapturedScreen, Command, CurrentSession,
    ImageSource, Logout, Modes, SessionStatus, Verify,
};
use protocol::native::Login;
use tauri::ipc::{JavaScriptChannelId, Response};
use tauri::{State, Webview, WebviewWindow};

use crate::app_state::AppState;
use crate::native_api::AnalysisRequest;
use crate::window::AppWindow;
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
pub async fn verify(state: State<'_, AppState>, arguments: Payload<Verify>) -> Reply<Verify> {
    Ok(state.native_api().await?.verify(arguments.0.code).await?.into())
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
pub async fn capture_screen(window: WebviewWindow, state: State<'_, AppState>) -> Reply<CaptureScreen> {
    let window = AppWindow(window);
    let at = window.middle();
    let hidden = HiddenWindow::hide(window)
        .await
        .map_err(|_| Problem::internal().detail("The window could not be hidden."))?;
    let captured = state.capture(at).await;
    drop(hidden);
    let (id, frame) = captured?;
    let (width, height) = frame.pixels.dimensions();
    Ok(CapturedScreen { id, width, height, monitor: frame.monitor.clone() })
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
    arguments: Payload<Analyze>,
) -> Reply<Analyze> {
    let Analyze { analysis_id, image, context, mode, events } = arguments.0;
    let events: JavaScriptChannelId =
        events.parse().map_err(|_| Problem::invalid_input().field("events", "Expected a channel."))?;
    let events = events.channel_on(webview);
    let running = state.analyses.start(analysis_id);
    let image = match image {
        ImageSource::Capture { id } => state.image(&id).await?,
        ImageSource::Upload { data } => EncodedImage::from_base64(&data)?,
    };
    let request = AnalysisRequest { image, context, mode: mode.filter(|id| !id.is_empty()) };
    state.native_api().await?.analyze(request, running.cancel(), |event| events.send(event).is_ok()).await
}

#[tauri::command]
pub fn cancel_analysis(state: State<'_, AppState>, arguments: Payload<CancelAnalysis>) {
    state.analyses.cancel(&arguments.0.analysis_id);
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
