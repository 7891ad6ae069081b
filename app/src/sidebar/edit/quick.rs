//! Questions about the selection that are asked with one click.

use protocol::desktop::{LookedAt, TargetSummary};

/// A question with a short name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuickAction {
    pub name: &'static str,
    pub question: &'static str,
}

const BUILT_IN: [QuickAction; 3] = [
    QuickAction {
        name: "Shorten",
        question: "Shorten the selected text. Keep its meaning, its tone and its language. Propose it as a change.",
    },
    QuickAction { name: "Explain", question: "Explain the selected text in a few plain sentences." },
    QuickAction {
        name: "Reply politely",
        question: "Write a short, polite reply to the selected text, in its language. Answer with the reply alone.",
    },
];

/// The ones for what is looked at: none without a selection that is sent.
pub fn quick_actions(front: &LookedAt) -> &'static [QuickAction] {
    match front {
        LookedAt::Window(TargetSummary { selection_sent: true, .. }) => &BUILT_IN,
        LookedAt::LeftOut | LookedAt::Nothing | LookedAt::Screen | LookedAt::Window(_) => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_for_a_selection() {
        let target = |selection_sent| {
            LookedAt::Window(TargetSummary {
                program: "Mousepad".into(),
                title: "a.txt".into(),
                text_chars: None,
                text_complete: false,
                selection_chars: 3,
                selection_sent,
            })
        };
        assert_eq!(quick_actions(&target(true)).len(), 3);
        for front in [target(false), LookedAt::LeftOut, LookedAt::Nothing, LookedAt::Screen] {
            assert!(quick_actions(&front).is_empty());
        }
    }
}
