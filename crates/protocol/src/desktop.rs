//! The commands of the desktop program for the page that it shows: names, arguments and replies.
//!
//! A page calls them with Tauri's `invoke`. A command that fails rejects with a [`Problem`](crate::Problem). Page and program
//! may be of different versions, since the page comes from the server. So names and fields never change, and new fields are
//! optional.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::Secret;
use crate::mode::ModeSummary;
use crate::native::{Login, Session};

/// The arguments of one command, as the object that `invoke` takes.
pub trait Command: Serialize + DeserializeOwned {
    /// The name in `invoke`, in the program's manifest and, with hyphens, in its capability.
    const NAME: &'static str;
    /// The reply, serialised as JSON.
    type Reply: Serialize + DeserializeOwned;
}

/// The names of all commands. A page may call no others.
pub const COMMANDS: &[&str] = &[
    Analyze::NAME,
    CancelAnalysis::NAME,
    CAPTURE_PREVIEW,
    CaptureScreen::NAME,
    Login::NAME,
    Logout::NAME,
    Modes::NAME,
    CurrentSession::NAME,
    Verify::NAME,
];

/// The command with the argument [`CapturePreview`]. Its reply is not JSON but a small JPEG.
pub const CAPTURE_PREVIEW: &str = "capture_preview";

/// Starts an analysis and replies when it has ended or was cancelled. Until then, each
/// [`AnalysisEvent`](crate::analysis::AnalysisEvent) is sent through the channel.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Analyze {
    /// Chosen by the page, for [`CancelAnalysis`]. Starting an analysis with the id of a running one cancels that one. Pages
    /// of older servers send none, and run one analysis at a time.
    #[serde(default)]
    pub analysis_id: String,
    #[serde(rename = "picture")]
    pub image: ImageSource,
    pub context: String,
    /// The mode's id; `None` or empty for the server's first mode.
    pub mode: Option<String>,
    /// The channel as Tauri serialises it: `__CHANNEL__:` and a number.
    pub events: String,
}

/// Cancels a running analysis. Does nothing if there is none with this id.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CancelAnalysis {
    #[serde(default)]
    pub analysis_id: String,
}

/// The image of an [`Analyze`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum ImageSource {
    /// A [`CapturedScreen`], by its id.
    Capture { id: String },
    /// A file that the user selected or pasted, in Base64. The program detects its format.
    Upload { data: String },
}

/// Requests a small preview of a [`CapturedScreen`], by its id.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CapturePreview {
    pub id: String,
}

/// Captures the monitor that shows the window, without the window.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct CaptureScreen {}

/// A capture that stays in the program. The page gets only its metadata.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapturedScreen {
    pub id: String,
    pub width: u32,
    pub height: u32,
    /// The monitor's name as the system gives it.
    pub monitor: String,
}

/// The public part of a challenge. The challenge itself stays in the program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChallengeSummary {
    /// `totp`, `recovery`.
    pub methods: Vec<String>,
    /// Seconds.
    pub expires_in: u64,
}

/// Responds to the challenge of [`Login`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Verify {
    /// A code of the authenticator, or one of the recovery codes.
    pub code: Secret,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Logout {}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Modes {}

/// Requests the [`SessionStatus`].
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct CurrentSession {}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionStatus {
    pub signed_in: bool,
    #[serde(flatten)]
    pub details: Option<SessionDetails>,
}

/// A [`Session`] with its fields in camel case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionDetails {
    pub email: String,
    pub device_name: String,
    /// Seconds since the Unix epoch.
    pub expires_at: i64,
}

impl Command for Analyze {
    const NAME: &'static str = "analyze";
    type Reply = ();
}

impl Command for CancelAnalysis {
    const NAME: &'static str = "cancel_analysis";
    type Reply = ();
}

impl Command for CaptureScreen {
    const NAME: &'static str = "capture_screen";
    type Reply = CapturedScreen;
}

impl Command for CurrentSession {
    const NAME: &'static str = "session";
    type Reply = SessionStatus;
}

impl Command for Login {
    const NAME: &'static str = "login";
    type Reply = ChallengeSummary;
}

impl Command for Logout {
    const NAME: &'static str = "logout";
    type Reply = ();
}

impl Command for Modes {
    const NAME: &'static str = "modes";
    type Reply = Vec<ModeSummary>;
}

impl Command for Verify {
    const NAME: &'static str = "verify";
    type Reply = SessionDetails;
}

impl From<Option<Session>> for SessionStatus {
    fn from(session: Option<Session>) -> Self {
        Self { signed_in: session.is_some(), details: session.map(Into::into) }
    }
}

impl From<SessionStatus> for Option<Session> {
    fn from(status: SessionStatus) -> Self {
        status.details.filter(|_| status.signed_in).map(Into::into)
    }
}

impl From<Session> for SessionDetails {
    fn from(session: Session) -> Self {
        Self { email: session.email, device_name: session.device_name, expires_at: session.expires_at }
    }
}

impl From<SessionDetails> for Session {
    fn from(details: SessionDetails) -> Self {
        Self { email: details.email, device_name: details.device_name, expires_at: details.expires_at }
    }
}

/// Without the user's text and picture.
impl std::fmt::Debug for Analyze {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Analyze").field("analysis_id", &self.analysis_id).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for ImageSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Capture { id } => f.debug_struct("Capture").field("id", id).finish(),
            Self::Upload { .. } => f.debug_struct("Upload").finish_non_exhaustive(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn replies_are_in_camel_case() {
        let session = Session { email: "a@b.example".into(), device_name: "desk".into(), expires_at: 7 };
        let status = SessionStatus::from(Some(session.clone()));
        let expected =
            json!({"signedIn": true, "email": "a@b.example", "deviceName": "desk", "expiresAt": 7});
        assert_eq!(serde_json::to_value(&status).unwrap(), expected);
        let read: SessionStatus = serde_json::from_value(expected).unwrap();
        assert_eq!(Option::<Session>::from(read), Some(session));
        assert_eq!(serde_json::to_value(SessionStatus::default()).unwrap(), json!({"signedIn": false}));
        let read: SessionStatus = serde_json::from_value(json!({"signedIn": false})).unwrap();
        assert_eq!(Option::<Session>::from(read), None);
        let challenge = ChallengeSummary { methods: vec!["totp".into()], expires_in: 300 };
        assert_eq!(serde_json::to_value(challenge).unwrap(), json!({"methods": ["totp"], "expiresIn": 300}));
    }

    #[test]
    fn images_are_named_by_kind() {
        let capture = serde_json::from_value(json!({"kind": "capture", "id": "frame-1"})).unwrap();
        assert!(matches!(capture, ImageSource::Capture { id } if id == "frame-1"));
        let upload = serde_json::from_value(json!({"kind": "upload", "data": "AA=="})).unwrap();
        assert!(matches!(upload, ImageSource::Upload { data } if data == "AA=="));
    }

    #[test]
    fn arguments_are_objects_and_those_of_older_pages_still_parse() {
        assert_eq!(serde_json::to_value(Logout {}).unwrap(), json!({}));
        let analyze = Analyze {
            analysis_id: "1".into(),
            image: ImageSource::Capture { id: "frame-1".into() },
            context: "why?".into(),
            mode: None,
            events: "__CHANNEL__:1".into(),
        };
        let mut arguments = json!({
            "analysisId": "1",
            "picture": {"kind": "capture", "id": "frame-1"},
            "context": "why?",
            "mode": null,
            "events": "__CHANNEL__:1",
        });
        assert_eq!(serde_json::to_value(&analyze).unwrap(), arguments);
        arguments.as_object_mut().unwrap().remove("analysisId");
        arguments["picture"] = json!({"kind": "upload", "data": "AA==", "mediaType": "image/png"});
        let older: Analyze = serde_json::from_value(arguments).unwrap();
        assert_eq!(
            (older.analysis_id.as_str(), older.image),
            ("", ImageSource::Upload { data: "AA==".into() })
        );
        let cancel: CancelAnalysis = serde_json::from_value(json!({})).unwrap();
        assert_eq!(cancel.analysis_id, "");
    }

    #[test]
    fn user_input_is_not_printed() {
        let verify = Verify { code: "123456".into() };
        let upload = ImageSource::Upload { data: "AA==".into() };
        assert_eq!(format!("{verify:?} {upload:?}"), "Verify { code: [redacted] } Upload { .. }");
    }
}
