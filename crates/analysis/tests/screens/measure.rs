// How well the built-in reader reads the screens of this folder. A module of the crate's own tests and of the benchmark
// `reader`: both count in the same way.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use analysis::reader::{Reader, RecognizedText, extract};
use analysis::{Picture, Pictures};
use serde::Deserialize;

/// More quoted lines are a copy of the screen, not an answer.
pub const MAX_QUOTED_LINES: usize = 14;

#[derive(Debug, Clone, Deserialize)]
pub struct Screen {
    pub name: String,
    /// Not looked at while the reader was improved.
    pub held_out: bool,
    pub width: u32,
    pub height: u32,
    /// What stands there.
    pub text: String,
    pub questions: Vec<Question>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Question {
    pub question: String,
    /// What an answer must quote.
    pub line: String,
}

#[derive(Debug)]
pub struct Measured {
    /// The part of the screen's words that was read.
    pub recall: f64,
    /// The part of the read words that stand on the screen.
    pub precision: f64,
    /// Of this process and the recognition.
    pub cpu_seconds: f64,
    pub recognized: RecognizedText,
    /// The questions whose answer lacks the right line, with that answer.
    pub missed: Vec<(Question, String)>,
}

fn folder() -> PathBuf {
    // Of the crate `analysis`, or of a crate beside `crates`.
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let of_analysis = own.join("tests/screens");
    if of_analysis.exists() { of_analysis } else { own.join("../crates/analysis/tests/screens") }
}

pub fn screens() -> Result<Vec<Screen>, Box<dyn std::error::Error>> {
    Ok(serde_json::from_slice(&std::fs::read(folder().join("screens.json"))?)?)
}

pub async fn measure(reader: &Reader, screen: &Screen) -> Result<Measured, Box<dyn std::error::Error>> {
    let file = std::fs::read(folder().join(format!("{}.png", screen.name)))?;
    let picture: Picture = Pictures::new(1).accept(file.into()).await?;
    let before = cpu_seconds()?;
    let recognized = reader.read(&picture).await?;
    let cpu_seconds = cpu_seconds()? - before;
    let (expected, read) = (counts(&screen.text), counts(&recognized.text()));
    let common: usize =
        expected.iter().map(|(word, count)| read.get(word).copied().unwrap_or(0).min(*count)).sum();
    let part = |of: &HashMap<String, usize>| common as f64 / of.values().sum::<usize>().max(1) as f64;
    let answered = |question: &Question| {
        let answer = extract(&question.question, &recognized);
        (!is_right(&answer, &question.line)).then(|| (question.clone(), answer))
    };
    let missed = screen.questions.iter().filter_map(answered).collect();
    Ok(Measured { recall: part(&expected), precision: part(&read), cpu_seconds, recognized, missed })
}

/// How often each word occurs: letters and digits without anything between them, whatever their case.
fn counts(text: &str) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.for_each(|word| *counts.entry(word.to_lowercase()).or_default() += 1);
    counts
}

/// Whether the answer quotes the line, and not the whole screen.
fn is_right(answer: &str, line: &str) -> bool {
    let quoted: Vec<&str> = answer
        .split("```")
        .skip(1)
        .step_by(2)
        .flat_map(|quote| quote.lines().skip(1))
        .filter(|line| *line != "…")
        .collect();
    quoted.len() <= MAX_QUOTED_LINES && folded(&quoted.concat()).contains(&folded(line))
}

/// Letters and digits alone, with those alike that recognition cannot tell apart, and without accents.
fn folded(text: &str) -> String {
    let letter = |c: char| match c {
        '1' | 'i' => 'l',
        'ä' | 'à' | 'â' => 'a',
        'é' | 'è' | 'ê' => 'e',
        '0' | 'ö' | 'ô' => 'o',
        'ü' | 'û' => 'u',
        other => other,
    };
    text.to_lowercase().chars().filter(|c| c.is_alphanumeric()).map(letter).collect()
}

/// The processor time of this process and of its children that have ended, by the kernel's clock of 100 Hz.
fn cpu_seconds() -> std::io::Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // The name of the program, in parentheses, may have spaces. Behind it the fields 3 to 52 (proc(5)).
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks = fields.split_whitespace().skip(11).take(4).filter_map(|field| field.parse::<f64>().ok());
    Ok(ticks.sum::<f64>() / 100.0)
}
