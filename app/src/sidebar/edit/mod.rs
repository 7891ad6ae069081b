//! The review of proposed edits. The desktop program shows its own dialog and types; this page asks for it and says what
//! came of it.

pub mod quick;

use protocol::Problem;
use protocol::desktop::ReviewedEdits;
use protocol::edit::{EditOutcome, ReadBack};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Review {
    #[default]
    None,
    /// The dialog is open.
    Open,
    /// `program`: where it went, or was to go.
    Decided {
        program: String,
        reviewed: ReviewedEdits,
    },
    Failed(Problem),
}

impl Review {
    pub fn is_open(&self) -> bool {
        *self == Self::Open
    }

    /// Whether nothing was typed so far, and it may be tried again.
    pub fn may_begin(&self) -> bool {
        match self {
            Self::None | Self::Failed(_) => true,
            Self::Open => false,
            Self::Decided { reviewed, .. } => !matches!(reviewed.outcome, EditOutcome::Inserted { .. }),
        }
    }

    /// The text to copy, where it could not be typed.
    pub fn text_to_copy(&self) -> Option<String> {
        match self {
            Self::Decided { reviewed, .. } if matches!(reviewed.outcome, EditOutcome::Stopped { .. }) => {
                Some(reviewed.text.clone())
            }
            _ => None,
        }
    }

    /// Whether all went as it should.
    pub fn is_good(&self) -> bool {
        matches!(self, Self::Decided { reviewed, .. } if matches!(
            reviewed.outcome,
            EditOutcome::Inserted { read_back: ReadBack::Exact, .. }
        ))
    }

    /// What came of it.
    pub fn words(&self) -> Option<String> {
        let Self::Decided { program, reviewed } = self else { return None };
        let mut words = match &reviewed.outcome {
            EditOutcome::Declined => "Nothing was typed.".to_owned(),
            EditOutcome::Inserted { read_back, chosen, changes, .. } => {
                let number = match changes {
                    _ if chosen < changes => format!("{chosen} of {changes} changes were"),
                    _ => "The change was".to_owned(),
                };
                let found = match read_back {
                    ReadBack::Exact => "and read back: it stands there exactly.",
                    ReadBack::Different => "but another text stands there now. Look at it.",
                    ReadBack::Unavailable => "which does not say what stands there now. Look at it.",
                };
                format!("{number} pasted into {program}, {found} One Ctrl+Z there undoes it.")
            }
            EditOutcome::Stopped { reason } => match &reviewed.refusal {
                Some(refusal) => format!("Nothing was typed: {refusal}."),
                None => format!("Nothing was typed: {reason}."),
            },
        };
        if !reviewed.recorded {
            words.push_str(" The server has no record of it.");
        }
        Some(words)
    }
}

#[cfg(test)]
mod tests {
    use protocol::edit::{Method, Stopped};

    use super::*;

    fn decided(outcome: EditOutcome) -> Review {
        let reviewed = ReviewedEdits { outcome, text: "new".into(), refusal: None, recorded: true };
        Review::Decided { program: "Mousepad".into(), reviewed }
    }

    fn inserted(read_back: ReadBack, chosen: u32) -> Review {
        decided(EditOutcome::Inserted { method: Method::Paste, read_back, chosen, changes: 2 })
    }

    #[test]
    fn what_was_typed_is_told_with_how_to_undo_it() {
        let exact = inserted(ReadBack::Exact, 2);
        assert_eq!(
            exact.words().unwrap(),
            "The change was pasted into Mousepad, and read back: it stands there exactly. One Ctrl+Z there undoes it."
        );
        assert!(exact.is_good() && !exact.may_begin() && exact.text_to_copy().is_none());
        let part = inserted(ReadBack::Unavailable, 1);
        assert!(part.words().unwrap().starts_with("1 of 2 changes were pasted"), "{part:?}");
        assert!(!part.is_good());
        assert!(inserted(ReadBack::Different, 2).words().unwrap().contains("another text"));
    }

    #[test]
    fn what_was_not_typed_can_be_copied_and_tried_again() {
        let stopped = decided(EditOutcome::Stopped { reason: Stopped::SelectionChanged });
        assert_eq!(stopped.words().unwrap(), "Nothing was typed: something else is selected now.");
        assert!(stopped.may_begin());
        assert_eq!(stopped.text_to_copy().as_deref(), Some("new"));
        let declined = decided(EditOutcome::Declined);
        assert_eq!(declined.words().unwrap(), "Nothing was typed.");
        assert!(declined.may_begin() && declined.text_to_copy().is_none());
        assert!(!Review::Open.may_begin() && Review::None.may_begin() && Review::None.words().is_none());
    }

    #[test]
    fn a_refusal_and_a_missing_record_are_told() {
        let Review::Decided { program, mut reviewed } =
            decided(EditOutcome::Stopped { reason: Stopped::Refused })
        else {
            panic!()
        };
        reviewed.refusal = Some("the text has characters that cannot be seen".into());
        reviewed.recorded = false;
        assert_eq!(
            Review::Decided { program, reviewed }.words().unwrap(),
            "Nothing was typed: the text has characters that cannot be seen. The server has no record of it."
        );
    }
}
