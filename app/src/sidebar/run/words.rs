//! What the page says about an analysis, in people's words.

use protocol::analysis::Done;

/// Who answered, in one line. Without a model, the answer quotes the text in the picture.
pub fn attribution(done: &Done) -> String {
    let tokens = done.usage.prompt_tokens + done.usage.completion_tokens;
    let tokens = (tokens > 0 && !done.model.is_empty()).then(|| format!("{tokens} tokens"));
    let (who, server) = if done.model.is_empty() {
        ("No model was used: read from the screen".to_owned(), None)
    } else {
        (done.model.clone(), Some(done.provider.clone()))
    };
    [Some(who), server, duration(done.ms), tokens].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// A duration in whole seconds. `None`: less than one, which nobody waits for.
pub fn duration(ms: u64) -> Option<String> {
    (ms >= 1_000).then(|| elapsed((ms + 500) / 1_000))
}

/// Seconds, and minutes from one on.
pub fn elapsed(seconds: u64) -> String {
    match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("{seconds} s"),
        (minutes, seconds) => format!("{minutes} min {seconds:02} s"),
    }
}

/// A step's label on the page. A node that this version does not know keeps its own name.
pub fn step_label(node: &str) -> &str {
    match node {
        "answer" => "Writing the answer",
        "check" => "Checking the answer",
        "extract" => "Finding the lines that answer",
        "propose" => "Preparing an edit",
        "read" => "Reading the screen",
        "recall" => "Looking at earlier answers",
        "route" => "Choosing who answers",
        other => other,
    }
}

/// The part of a growing answer to announce next to screen readers: whole sentences or lines only, until the answer is
/// `complete`. `announced`: the number of bytes announced before. Returns the new number, and the text.
pub fn next_announcement(text: &str, announced: usize, complete: bool) -> Option<(usize, &str)> {
    let fresh = text.get(announced..)?;
    let end = if complete {
        fresh.len()
    } else {
        let sentence = fresh.rfind(". ").map(|at| at + 2);
        let line = fresh.rfind('\n').map(|at| at + 1);
        sentence.max(line)?
    };
    let words = fresh[..end].trim();
    (!words.is_empty()).then_some((announced + end, words))
}
