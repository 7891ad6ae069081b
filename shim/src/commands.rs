//! What the page can ask of this program. Each command is a thin door; `build.rs` and `capabilities/` list
//! the same names.
//!
//! Errors are problem documents. No answer holds a key, a challenge, a token or a frame's pixels.

use protocol::Problem;
use protocol::analysis::AnalysisEvent;
use protocol::mode::ModeSummary;
use protocol::native::Session;
use serde::{Deserialize, Serialize};
use tauri::ipc::{Channel, Response};
use tauri::{State, WebviewWindow};

use crate::assistant::Assistant;
use crate::capture::Picture;
use crate::hiding::Hidden;
use crate::native::Question;
use crate::window;

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionView {
    signed_in: bool,
    #[serde(flatten)]
    details: Option<SessionDetails>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionDetails {
    email: String,
    device_name: String,
    /// Seconds since the Unix epoch.
    expires_at: i64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChallengeView {
    methods: Vec<String>,
    /// Seconds.
    expires_in: u64,
}

#[derive(Debug, Serialize)]
pub struct Captured {
    id: String,
    width: u32,
    height: u32,
    monitor: String,
}

/// The picture of a question: one that was captured here, or one that the person picked or pasted.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum PictureSource {
    Capture {
        id: String,
    },
    /// Base64.
    Upload {
        data: String,
    },
}

#[tauri::command]
pub async fn session(assistant: State<'_, Assistant>) -> Result<SessionView, Problem> {
    let session = assistant.native().await?.session().await?;
    Ok(SessionView { signed_in: session.is_some(), details: session.map(Into::into) })
}

#[tauri::command]
pub async fn login(
    assistant: State<'_, Assistant>,
    username: String,
    password: String,
) -> Result<ChallengeView, Problem> {
    let next = assistant.native().await?.login(username, password).await?;
    Ok(ChallengeView { methods: next.methods, expires_in: next.expires_in })
}

#[tauri::command]
pub async fn verify(assistant: State<'_, Assistant>, code: String) -> Result<SessionDetails, Problem> {
    Ok(assistant.native().await?.verify(code).await?.into())
}

#[tauri::command]
pub async fn logout(assistant: State<'_, Assistant>) -> Result<(), Problem> {
    assistant.cancel_analysis();
    assistant.native().await?.logout().await
}

#[tauri::command]
pub async fn modes(assistant: State<'_, Assistant>) -> Result<Vec<ModeSummary>, Problem> {
    assistant.native().await?.modes().await
}

#[tauri::command]
pub async fn capture_screen(
    window: WebviewWindow,
    assistant: State<'_, Assistant>,
) -> Result<Captured, Problem> {
    let at = window::middle(&window);
    let hidden = Hidden::hide(&window)
        .await
        .map_err(|_| Problem::internal().detail("The window could not be hidden."))?;
    let taken = assistant.capture(at).await;
    drop(hidden);
    let (id, frame) = taken?;
    let (width, height) = frame.pixels.dimensions();
    Ok(Captured { id, width, height, monitor: frame.monitor.clone() })
}

/// A small JPEG of a captured frame, as bytes.
#[tauri::command]
pub async fn capture_preview(assistant: State<'_, Assistant>, id: String) -> Result<Response, Problem> {
    Ok(Response::new(assistant.preview(&id).await?))
}

/// Resolves when the answer has ended or was cancelled; until then each of its events goes to `events`.
#[tauri::command]
pub async fn analyze(
    assistant: State<'_, Assistant>,
    picture: PictureSource,
    context: String,
    mode: Option<String>,
    events: Channel<AnalysisEvent>,
) -> Result<(), Problem> {
    let cancel = assistant.begin_analysis();
    let picture = match picture {
        PictureSource::Capture { id } => assistant.picture(&id).await?,
        PictureSource::Upload { data } => Picture::from_base64(&data)?,
    };
    let question = Question { picture, context, mode: mode.filter(|id| !id.is_empty()) };
    assistant.native().await?.analyze(question, &cancel, |event| events.send(event).is_ok()).await
}

#[tauri::command]
pub fn cancel_analysis(assistant: State<'_, Assistant>) {
    assistant.cancel_analysis();
}

impl From<Session> for SessionDetails {
    fn from(session: Session) -> Self {
        Self { email: session.email, device_name: session.device_name, expires_at: session.expires_at }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_page_reads_camel_case() {
        let session = Session { email: "a@b.example".into(), device_name: "desk".into(), expires_at: 7 };
        let view = SessionView { signed_in: true, details: Some(session.into()) };
        let expected =
            json!({"signedIn": true, "email": "a@b.example", "deviceName": "desk", "expiresAt": 7});
        assert_eq!(serde_json::to_value(view).unwrap(), expected);
        assert_eq!(serde_json::to_value(SessionView::default()).unwrap(), json!({"signedIn": false}));
        let challenge = ChallengeView { methods: vec!["totp".into()], expires_in: 300 };
        assert_eq!(serde_json::to_value(challenge).unwrap(), json!({"methods": ["totp"], "expiresIn": 300}));
    }

    #[test]
    fn pictures_are_named_by_kind() {
        let capture = serde_json::from_value(json!({"kind": "capture", "id": "frame-1"})).unwrap();
        assert!(matches!(capture, PictureSource::Capture { id } if id == "frame-1"));
        let upload = serde_json::from_value(json!({"kind": "upload", "data": "AA=="})).unwrap();
        assert!(matches!(upload, PictureSource::Upload { data } if data == "AA=="));
    }

    #[test]
    fn the_page_may_call_exactly_these_commands() {
        let capability: serde_json::Value =
            serde_json::from_str(include_str!("../capabilities/sidebar.json")).unwrap();
        let allowed: Vec<_> =
            capability["permissions"].as_array().unwrap().iter().map(|p| p.as_str().unwrap()).collect();
        let (build, main) = (include_str!("../build.rs"), include_str!("main.rs"));
        for permission in &allowed {
            let command = permission.trim_start_matches("allow-").replace('-', "_");
            assert!(build.contains(&format!("\"{command}\"")), "{command} is not in the manifest");
            assert!(main.contains(&format!("commands::{command}")), "{command} has no handler");
        }
        assert_eq!(allowed.len(), main.matches("commands::").count());
        assert_eq!(allowed.len(), build.lines().filter(|line| line.trim().starts_with('"')).count());
        assert_eq!(capability["windows"], json!([window::LABEL]));
    }
}
