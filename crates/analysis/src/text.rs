//! Text from a screen or a model, made fit to be shown in Markdown.

pub(crate) use protocol::text::visible;

/// A fenced code block that its content cannot end: the fence is longer than any run of backticks in it.
pub(crate) fn fenced(text: &str) -> String {
    let text = visible(text);
    let fence = "`".repeat((longest_run(&text) + 1).max(3));
    format!("{fence}text\n{}\n{fence}", text.trim_end_matches('\n'))
}

/// A code span that its content cannot end (CommonMark 0.31 §6.1), in one line.
pub(crate) fn code_span(text: &str) -> String {
    let text = visible(text).replace(['\n', '\t'], " ");
    let ticks = "`".repeat(longest_run(&text) + 1);
    // The space keeps a backtick at either end apart from the fence, and is not shown.
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{ticks}{pad}{text}{pad}{ticks}")
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_cannot_leave_its_fence() {
        let block = fenced("a\n```\n# not a heading\n`````\n");
        assert!(block.starts_with("``````text\n"));
        assert!(block.ends_with("\n``````"));
        assert_eq!(block.matches("``````").count(), 2);
        assert_eq!(fenced("plain"), "```text\nplain\n```");
    }

    #[test]
    fn a_code_span_cannot_be_left() {
        assert_eq!(code_span("src/main.rs"), "`src/main.rs`");
        assert_eq!(code_span("`a``b"), "``` `a``b ```");
        assert_eq!(code_span("a\n\n# b"), "`a  # b`");
    }
}
