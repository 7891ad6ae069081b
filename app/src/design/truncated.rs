//! Text of any length on one line: what strangers can type must not push anything else out of view.

use leptos::prelude::*;

/// Above this many characters, the end is shown too.
const WHOLE: usize = 32;
/// How much of the end is shown.
const END: usize = 12;

/// Cut where the space ends; the whole is in the `title`. Show the whole text in the details of what it belongs to.
#[component]
pub fn Truncated(
    #[prop(into)] text: String,
    /// For addresses and serial numbers, whose end tells as much as their beginning: cut in the middle.
    #[prop(optional)]
    keep_end: bool,
) -> impl IntoView {
    let (start, end) = if keep_end { split(&text) } else { (text.clone(), String::new()) };
    view! {
        // Isolated: a right-to-left name must not reorder what stands beside it.
        <bdi class="flex min-w-0 max-w-full" title=text>
            <span class="truncate">{start}</span>
            {(!end.is_empty()).then(|| view! { <span class="shrink-0">{end}</span> })}
        </bdi>
    }
}

/// Beginning and end. Only ASCII is split: elsewhere a character may be shaped by its neighbour.
fn split(text: &str) -> (String, String) {
    if text.is_ascii() && text.len() > WHOLE {
        let (start, end) = text.split_at(text.len() - END);
        (start.to_owned(), end.to_owned())
    } else {
        (text.to_owned(), String::new())
    }
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn only_long_ascii_text_is_split() {
        let pair = |text: &str| split(text);
        assert_eq!(pair("anna@example.org"), ("anna@example.org".into(), String::new()));
        let long = format!("{}@example.org.evil.example", "a".repeat(40));
        assert_eq!(pair(&long).1, "evil.example");
        assert_eq!(format!("{}{}", pair(&long).0, pair(&long).1), long);
        let arabic = "ا".repeat(64);
        assert_eq!(pair(&arabic), (arabic.clone(), String::new()));
    }
}
