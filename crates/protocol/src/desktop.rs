//! The commands of the desktop program for the page that it shows: names, arguments and replies.
//!
//! A page calls them with Tauri's `invoke`. A command that fails rejects with a [`Problem`](crate::Problem). Page and program
//! may be of different versions, since the page comes from the server. So names and fields never change, and new fields are
//! optional.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::Secret;
use crate::analysis::TextEdit;
use crate::edit::EditOutcome;
use crate::mode::ModeSummary;
use crate::native::{Login, Session};
use crate::policy::PolicyRules;

/// The arguments of one command, as the object that `invoke` takes.
pub trait Command: Serialize + DeserializeOwned {
    /// The name in `invoke`, in the program's manifest and, with hyphens, in its capability.
    const NAME: &'static str;
    /// The reply, serialised as JSON.
    type Reply: Serialize + DeserializeOwned;
}

/// What the page says of the fleet policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyNotice {
    /// “Managed by …”; empty before there is a policy.
    pub managed_by: String,
    /// Why nothing leaves the machine; `None`: it may.
    pub refusal: Option<String>,
    /// What is in force, with the user's own settings.
    pub rules: Option<PolicyRules>,
}

impl PolicyNotice {
    /// A line for the page. `None`: there is nothing to say.
    pub fn words(&self) -> Option<String> {
        let managed = (!self.managed_by.is_empty()).then(|| format!("Managed by {}.", self.managed_by));
        match (managed, &self.refusal) {
            (Some(managed), Some(refusal)) => Some(format!("{managed} {refusal}")),
            (managed, refusal) => managed.or_else(|| refusal.clone()),
        }
    }
}

/// The fleet policy, as it is in force.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CurrentPolicy {}

impl Command for CurrentPolicy {
    const NAME: &'static str = "current_policy";
    type Reply = PolicyNotice;
}

/// The names of all commands. A page may call no others.
pub const COMMANDS: &[&str] = &[
    Analyze::NAME,
    AnswerQuestion::NAME,
    CancelAnalysis::NAME,
    CAPTURE_PREVIEW,
    CaptureScreen::NAME,
    Conversations::NAME,
    CurrentPolicy::NAME,
    Login::NAME,
    Logout::NAME,
    Look::NAME,
    Modes::NAME,
    ReviewEdits::NAME,
    CurrentSession::NAME,
    Verify::NAME,
    WatchHotkey::NAME,
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
    /// The conversation that the question follows; `None` for a new one. Older programs ignore it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    /// The mode's id; `None` or empty for the server's first mode.
    pub mode: Option<String>,
    /// The channel as Tauri serialises it: `__CHANNEL__:` and a number.
    pub events: String,
}

/// Answers what an analysis asks its person.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AnswerQuestion {
    /// The server's id of the analysis, as the question names it.
    pub analysis_id: String,
    /// The question's id.
    pub question: String,
    pub answer: String,
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
    /// The question follows another one, and is answered without the screen.
    None,
    /// A file that the user selected or pasted, in Base64. The program detects its format.
    Upload { data: String },
}

/// A request about one's own conversations. The reply is what the server answers: its JSON, the text of a file, or null.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "lowercase")]
pub enum Conversations {
    Delete {
        id: String,
    },
    /// `format`: `markdown` or `json`.
    Export {
        id: String,
        format: String,
    },
    List {
        search: String,
        page: u32,
    },
    Open {
        id: String,
    },
    Rename {
        id: String,
        title: String,
    },
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

/// Looks at the window in front: captures its monitor, and reads its text and its selection. All of it stays in the program,
/// under one id, and goes with a question whose image is that id.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Look {}

/// What was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Looked {
    #[serde(flatten)]
    pub screen: CapturedScreen,
    pub front: LookedAt,
}

/// The window that the user works in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum LookedAt {
    /// It is excluded: neither its pixels nor its text leave this machine.
    LeftOut,
    /// No window is in front.
    Nothing,
    /// Windows cannot be told apart in this session, so nothing is left out of the picture.
    Screen,
    Window(TargetSummary),
}

/// A window, without what it shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetSummary {
    pub program: String,
    pub title: String,
    /// How much text goes with the picture, in characters; `None` where the program does not describe its windows.
    pub text_chars: Option<u64>,
    /// Whether that is all of the window's text.
    pub text_complete: bool,
    /// How much is selected, in characters; 0 without a selection.
    pub selection_chars: u64,
    /// Whether the selection goes with the question, and can be changed; else it is too long.
    pub selection_sent: bool,
}

/// Shows the program's own dialog with proposed edits. Replies once the user has decided, and what was confirmed is done. One
/// dialog is open at a time.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReviewEdits {
    /// The id of what was looked at.
    pub looked: String,
    /// The analysis that proposed them.
    pub analysis_id: String,
    pub edits: Vec<TextEdit>,
}

/// What became of them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReviewedEdits {
    pub outcome: EditOutcome,
    /// The text that was confirmed, or would have been; to be copied if it was not typed.
    pub text: String,
    /// Why the text was refused, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// Whether the server has recorded it.
    pub recorded: bool,
}

/// From now on the hotkey is reported to this page: one message each time.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WatchHotkey {
    /// The channel as Tauri serialises it: `__CHANNEL__:` and a number.
    pub events: String,
}

/// Which keys it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HotkeyStatus {
    /// As people write them, such as `Ctrl+Alt+Space`; empty where there is none.
    pub keys: String,
    /// Why they do nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

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

impl Command for AnswerQuestion {
    const NAME: &'static str = "answer_question";
    type Reply = ();
}

impl Command for CancelAnalysis {
    const NAME: &'static str = "cancel_analysis";
    type Reply = ();
}

impl Command for Conversations {
    const NAME: &'static str = "conversations";
    type Reply = serde_json::Value;
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

impl Command for Look {
    const NAME: &'static str = "look";
    type Reply = Looked;
}

impl Command for ReviewEdits {
    const NAME: &'static str = "review_edits";
    type Reply = ReviewedEdits;
}

impl Command for WatchHotkey {
    const NAME: &'static str = "watch_hotkey";
    type Reply = HotkeyStatus;
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

impl std::fmt::Debug for ReviewEdits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReviewEdits").field("looked", &self.looked).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for ReviewedEdits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReviewedEdits").field("outcome", &self.outcome).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for ImageSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Capture { id } => f.debug_struct("Capture").field("id", id).finish(),
            Self::None => f.write_str("None"),
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
        let list = Conversations::List { search: "why".into(), page: 0 };
        let expected = json!({"request": "list", "search": "why", "page": 0});
        assert_eq!(serde_json::to_value(&list).unwrap(), expected);
        let none = serde_json::from_value(json!({"kind": "none"})).unwrap();
        assert!(matches!(none, ImageSource::None));
    }

    #[test]
    fn arguments_are_objects_and_those_of_older_pages_still_parse() {
        assert_eq!(serde_json::to_value(Logout {}).unwrap(), json!({}));
        let analyze = Analyze {
            analysis_id: "1".into(),
            image: ImageSource::Capture { id: "frame-1".into() },
            context: "why?".into(),
            conversation: None,
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
    fn what_was_looked_at_is_named_by_kind() {
        let screen = CapturedScreen { id: "frame-1".into(), width: 4, height: 3, monitor: "m".into() };
        let looked = Looked { screen, front: LookedAt::LeftOut };
        let expected =
            json!({"id": "frame-1", "width": 4, "height": 3, "monitor": "m", "front": {"kind": "left-out"}});
        assert_eq!(serde_json::to_value(&looked).unwrap(), expected);
        let window = json!({"kind": "window", "program": "Mousepad", "title": "a.txt", "textChars": 7,
            "textComplete": true, "selectionChars": 3, "selectionSent": true});
        let read: LookedAt = serde_json::from_value(window.clone()).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), window);
        let reviewed = json!({"outcome": {"result": "stopped", "reason": "window-changed"}, "text": "x", "recorded": false});
        let read: ReviewedEdits = serde_json::from_value(reviewed.clone()).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), reviewed);
    }

    #[test]
    fn a_notice_says_whose_policy_applies_and_why_nothing_leaves() {
        let words = |managed_by: &str, refusal: Option<&str>| {
            let refusal = refusal.map(str::to_owned);
            PolicyNotice { managed_by: managed_by.into(), refusal, rules: None }.words()
        };
        assert_eq!(words("", None), None);
        assert_eq!(words("Nordwind", None).as_deref(), Some("Managed by Nordwind."));
        assert_eq!(words("", Some("Not known.")).as_deref(), Some("Not known."));
        assert_eq!(words("N", Some("Expired.")).as_deref(), Some("Managed by N. Expired."));
    }

    #[test]
    fn user_input_is_not_printed() {
        let verify = Verify { code: "123456".into() };
        let upload = ImageSource::Upload { data: "AA==".into() };
        assert_eq!(format!("{verify:?} {upload:?}"), "Verify { code: [redacted] } Upload { .. }");
    }
}
