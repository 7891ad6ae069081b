//! A conversation as a Markdown document, for its person to keep.

use domain::analysis::{AnalysisRecord, AnalysisState};
use domain::conversation::WholeConversation;
use domain::text::visible_prose;
use time::OffsetDateTime;
use time::macros::format_description;

/// Nothing in it is hidden, and a question cannot become a heading or an answer of its own.
pub fn markdown(whole: &WholeConversation) -> String {
    let conversation = &whole.conversation;
    let title = visible_prose(&conversation.title);
    let title = if title.is_empty() { "Conversation" } else { &title };
    let mut document = format!("# {}\n\nStarted {}\n", escaped(title), at(conversation.started_at));
    for record in &whole.analyses {
        document.push_str("\n---\n\n");
        document.push_str(&quoted(&record.context));
        document.push('\n');
        let answer = visible_prose(record.answer.trim());
        if !answer.is_empty() {
            document.push_str(&answer);
            document.push_str("\n\n");
        }
        document.extend(["*", &ending(record), "*\n"]);
    }
    document
}

fn ending(record: &AnalysisRecord) -> String {
    let who = match (record.state, record.model.as_str()) {
        (AnalysisState::Cancelled, _) => "Cancelled".to_owned(),
        (AnalysisState::Failed, _) => "Failed".to_owned(),
        (AnalysisState::Running, _) => "Still running".to_owned(),
        (AnalysisState::Finished, "") => "Read from the screen, without a model".to_owned(),
        (AnalysisState::Finished, model) => escaped(&visible_prose(model)),
    };
    format!("{}, {who}", at(record.started_at))
}

/// A block quote: each line begins with its sign, so no line ends it.
fn quoted(question: &str) -> String {
    let question = visible_prose(question.trim());
    if question.is_empty() {
        return "> (no question)\n".to_owned();
    }
    question.lines().flat_map(|line| ["> ", line, "\n"]).collect()
}

/// On one line, without Markdown's signs taking effect.
fn escaped(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|') {
            line.push('\\');
        }
        line.push(if matches!(c, '\n' | '\t') { ' ' } else { c });
    }
    line
}

fn at(seconds: i64) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
    OffsetDateTime::from_unix_timestamp(seconds)
        .ok()
        .and_then(|at| at.format(format).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use domain::conversation::Conversation;

    use super::*;

    fn record(question: &str, answer: &str, state: AnalysisState, model: &str) -> AnalysisRecord {
        AnalysisRecord {
            id: "a".parse().unwrap(),
            account_id: "anna".parse().unwrap(),
            certificate_id: "c".parse().unwrap(),
            conversation_id: None,
            mode_id: String::new(),
            context: question.into(),
            answer: answer.into(),
            edits: Vec::new(),
            state,
            provider: String::new(),
            model: model.into(),
            prompt_tokens: 0,
            completion_tokens: 0,
            cut: None,
            failure: None,
            image_sha256: String::new(),
            image_width: 0,
            image_height: 0,
            image_bytes: 0,
            screenshot_stored: false,
            started_at: 1_700_000_000,
            ms: None,
        }
    }

    #[test]
    fn a_conversation_is_one_document_with_nothing_hidden() {
        let conversation = Conversation {
            id: "c".parse().unwrap(),
            account_id: "anna".parse().unwrap(),
            title: "Why *this*?\u{202E}".into(),
            started_at: 1_700_000_000,
            asked_at: 1_700_000_000,
            questions: 3,
        };
        let analyses = vec![
            record("# Why?\n\n---", "**Because**\u{200B}.", AnalysisState::Finished, "talker_1"),
            record(" ", "", AnalysisState::Cancelled, ""),
            record("And now?", "It says x.", AnalysisState::Finished, ""),
        ];
        let document = markdown(&WholeConversation { conversation, analyses });
        assert_eq!(
            document,
            "# Why \\*this\\*?\n\nStarted 2023-11-14 22:13 UTC\n\
             \n---\n\n> # Why?\n> \n> ---\n\n**Because**.\n\n*2023-11-14 22:13 UTC, talker\\_1*\n\
             \n---\n\n> (no question)\n\n*2023-11-14 22:13 UTC, Cancelled*\n\
             \n---\n\n> And now?\n\nIt says x.\n\n*2023-11-14 22:13 UTC, Read from the screen, without a model*\n"
        );
    }
}
