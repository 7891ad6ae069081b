//! Conversations: questions that follow one another, each with its answer.

use std::str::FromStr;

use crate::analysis::AnalysisRecord;
use crate::id::{AccountId, ConversationId};
use crate::text::{Invalid, checked_string, is_invisible, visible_prose};

/// The longest title, in characters.
pub const MAX_TITLE_CHARS: usize = 80;
/// The most questions of one conversation.
pub const MAX_QUESTIONS: u64 = 100;

const TITLE_RULE: Invalid = Invalid("Use 1 to 80 visible characters on one line.");

/// A title as its person gives it: 1 to 80 characters on one line, without invisible ones and without spaces around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationTitle(String);

checked_string!(ConversationTitle);

impl FromStr for ConversationTitle {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let text = visible_prose(text.trim());
        let length = text.chars().count();
        let on_one_line = !text.chars().any(|c| matches!(c, '\n' | '\t'));
        if (1..=MAX_TITLE_CHARS).contains(&length) && on_one_line { Ok(Self(text)) } else { Err(TITLE_RULE) }
    }
}

/// The title that a conversation gets from its first question: the first line that says something, shortened between
/// characters. Empty if there is none.
pub fn title_of(question: &str) -> String {
    let line = question.lines().find(|line| line.chars().any(|c| !c.is_whitespace() && !is_invisible(c)));
    let words: Vec<&str> = line.unwrap_or_default().split_whitespace().collect();
    let line = visible_prose(&words.join(" "));
    if line.chars().count() <= MAX_TITLE_CHARS {
        return line;
    }
    let start: String = line.chars().take(MAX_TITLE_CHARS - 1).collect();
    format!("{}…", start.trim_end())
}

/// A stored conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    pub id: ConversationId,
    pub account_id: AccountId,
    /// Empty if the first question says nothing.
    pub title: String,
    /// Seconds since the Unix epoch.
    pub started_at: i64,
    /// When the last question was asked, in seconds since the Unix epoch.
    pub asked_at: i64,
    pub questions: u64,
}

/// With all of its questions, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WholeConversation {
    pub conversation: Conversation,
    pub analyses: Vec<AnalysisRecord>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_the_first_line_that_says_something() {
        for (question, title) in [
            ("Why does it not compile?", "Why does it not compile?"),
            ("\n \u{200B}\n  What   is\tthis?\nmore", "What is this?"),
            ("pay\u{202E}pal", "paypal"),
            ("", ""),
            (" \n\t", ""),
        ] {
            assert_eq!(title_of(question), title);
        }
    }

    #[test]
    fn a_long_title_is_shortened_between_characters() {
        for letter in ["a", "ä", "漢", "👍"] {
            assert_eq!(title_of(&letter.repeat(MAX_TITLE_CHARS)), letter.repeat(MAX_TITLE_CHARS));
            let title = title_of(&letter.repeat(MAX_TITLE_CHARS + 1));
            assert_eq!(title, format!("{}…", letter.repeat(MAX_TITLE_CHARS - 1)));
        }
        assert_eq!(title_of(&"word ".repeat(30)).chars().last(), Some('…'));
        assert!(title_of(&"word ".repeat(30)).parse::<ConversationTitle>().is_ok());
    }

    #[test]
    fn a_persons_own_title_has_a_rule() {
        assert_eq!(" Invoices ".parse::<ConversationTitle>().unwrap().as_str(), "Invoices");
        assert_eq!("a\u{202E}b".parse::<ConversationTitle>().unwrap().as_str(), "ab");
        for wrong in ["", "  ", "\u{200B}", "two\nlines", &"a".repeat(MAX_TITLE_CHARS + 1)] {
            assert!(wrong.parse::<ConversationTitle>().is_err(), "{wrong:?}");
        }
        assert!("漢".repeat(MAX_TITLE_CHARS).parse::<ConversationTitle>().is_ok());
    }
}
