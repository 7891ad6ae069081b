//! What the sidebar says of the window that a question is about.

use protocol::desktop::{LookedAt, TargetSummary};

/// Program and title, such as `Mousepad: letter.txt`.
pub fn name_of(target: &TargetSummary) -> String {
    match (target.program.is_empty(), target.title.is_empty()) {
        (false, false) => format!("{}: {}", target.program, target.title),
        (true, false) => target.title.clone(),
        (_, true) => target.program.clone(),
    }
}

/// The first line: what is looked at.
pub fn heading(front: &LookedAt) -> String {
    match front {
        LookedAt::LeftOut => "The window in front is left out".to_owned(),
        LookedAt::Nothing => "No window is in front".to_owned(),
        LookedAt::Screen => "The whole screen".to_owned(),
        LookedAt::Window(target) => name_of(target),
    }
}

/// The second line: what goes with the picture.
pub fn details(front: &LookedAt) -> String {
    match front {
        LookedAt::LeftOut => "Neither its picture nor its text leaves this machine.".to_owned(),
        LookedAt::Nothing => "Only the picture of the screen is sent.".to_owned(),
        LookedAt::Screen => "No window can be left out of it here.".to_owned(),
        LookedAt::Window(target) => format!("{} · {}", text_words(target), selection_words(target)),
    }
}

/// What the answer was made from.
pub fn sources(target: &TargetSummary) -> String {
    let mut sources = vec!["the picture".to_owned()];
    if let Some(chars) = target.text_chars {
        sources.push(format!("the window’s own text ({})", characters(chars)));
    }
    if target.selection_sent {
        sources.push(format!("the selection ({})", characters(target.selection_chars)));
    }
    format!("Looked at {}: {}", name_of(target), sources.join(", "))
}

fn text_words(target: &TargetSummary) -> String {
    match (target.text_chars, target.text_complete) {
        (None, _) => "Picture only; the program does not give its text".to_owned(),
        (Some(chars), true) => format!("Picture and its text, {}", characters(chars)),
        (Some(chars), false) => format!("Picture and the first {} of its text", characters(chars)),
    }
}

fn selection_words(target: &TargetSummary) -> String {
    match (target.selection_chars, target.selection_sent) {
        (0, _) => "nothing selected".to_owned(),
        (chars, true) => format!("{} selected", characters(chars)),
        (chars, false) => format!("{} selected, too many to be sent", characters(chars)),
    }
}

/// With commas between thousands.
fn characters(count: u64) -> String {
    let digits = count.to_string();
    let mut shown = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    format!("{shown} {}", if count == 1 { "character" } else { "characters" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> TargetSummary {
        TargetSummary {
            program: "Mousepad".into(),
            title: "letter.txt".into(),
            text_chars: Some(12_345),
            text_complete: true,
            selection_chars: 1,
            selection_sent: true,
        }
    }

    #[test]
    fn it_names_the_window_its_text_and_the_selection() {
        let front = LookedAt::Window(target());
        assert_eq!(heading(&front), "Mousepad: letter.txt");
        assert_eq!(details(&front), "Picture and its text, 12,345 characters · 1 character selected");
        assert_eq!(
            sources(&target()),
            "Looked at Mousepad: letter.txt: the picture, the window’s own text (12,345 characters), \
             the selection (1 character)"
        );
    }

    #[test]
    fn it_never_says_more_than_was_read() {
        let part = TargetSummary { text_complete: false, selection_chars: 0, ..target() };
        assert_eq!(
            details(&LookedAt::Window(part.clone())),
            "Picture and the first 12,345 characters of its text · nothing selected"
        );
        let none = TargetSummary {
            text_chars: None,
            selection_chars: 16_001,
            selection_sent: false,
            title: String::new(),
            ..part
        };
        assert_eq!(sources(&none), "Looked at Mousepad: the picture");
        assert!(
            details(&LookedAt::Window(none)).ends_with("16,001 characters selected, too many to be sent")
        );
        assert!(details(&LookedAt::LeftOut).starts_with("Neither its picture nor its text"));
    }
}
