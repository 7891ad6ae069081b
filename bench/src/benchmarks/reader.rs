//! The built-in reader on screens of real programs: what it reads of them, in which time, and which questions it answers.

use analysis::reader::Reader;
use analysis::{Pictures, ReaderConfig};
use anyhow::{Result, anyhow};

use super::Environment;
use crate::report::{Figure, Row, Section};
use crate::spread::Spread;

#[path = "../../../crates/analysis/tests/screens/measure.rs"]
mod measure;

use measure::{Measured, Screen, measure, screens};

/// Of a screen of 1920 × 1080 pixels.
const MAX_CPU_SECONDS: f64 = 1.5;
/// Parts of the words that are not read, or were never there, in percent.
const MAX_UNREAD: f64 = 8.0;
const MAX_UNREAD_OF_EACH: f64 = 25.0;
const MAX_INVENTED: f64 = 6.0;
/// Part of the questions that are not answered.
const MAX_UNANSWERED: f64 = 15.0;

pub async fn run(_: &Environment<'_>) -> Result<Vec<Section>> {
    let reader = Reader::new(ReaderConfig::default(), Pictures::new(1));
    let mut sections = Vec::new();
    let all = screens().map_err(|error| anyhow!("the screens: {error}"))?;
    for (title, held_out) in
        [("Built-in reader", false), ("Built-in reader, on screens that it was not tuned on", true)]
    {
        let mut measured = Vec::new();
        for screen in all.iter().filter(|screen| screen.held_out == held_out) {
            let one = measure(&reader, screen).await.map_err(|error| anyhow!("{}: {error}", screen.name))?;
            measured.push((screen, one));
        }
        sections.push(section(title, &measured));
    }
    Ok(sections)
}

fn section(title: &str, measured: &[(&Screen, Measured)]) -> Section {
    let row = |(screen, one): &(&Screen, Measured)| Row {
        name: format!("{}, {} × {}", screen.name, screen.width, screen.height),
        figures: vec![
            Figure::new("unread words", "%", Spread::exact((1.0 - one.recall) * 100.0))
                .at_most(MAX_UNREAD_OF_EACH),
            Figure::new("invented words", "%", Spread::exact((1.0 - one.precision) * 100.0)),
            Figure::new("CPU", "s", Spread::exact(one.cpu_seconds)).at_most(MAX_CPU_SECONDS),
            Figure::new("lines", "", Spread::exact(one.recognized.lines.len() as f64)),
            Figure::new("unanswered", "", Spread::exact(one.missed.len() as f64)),
        ],
    };
    let mean = |value: fn(&Measured) -> f64| {
        measured.iter().map(|(_, one)| value(one)).sum::<f64>() / measured.len().max(1) as f64
    };
    let asked: usize = measured.iter().map(|(screen, _)| screen.questions.len()).sum();
    let missed: usize = measured.iter().map(|(_, one)| one.missed.len()).sum();
    let all = Row {
        name: format!("all {}", measured.len()),
        figures: vec![
            Figure::new("unread words", "%", Spread::exact(mean(|one| 1.0 - one.recall) * 100.0))
                .at_most(MAX_UNREAD),
            Figure::new("invented words", "%", Spread::exact(mean(|one| 1.0 - one.precision) * 100.0))
                .at_most(MAX_INVENTED),
            Figure::new("CPU", "s", Spread::exact(mean(|one| one.cpu_seconds))),
            Figure::new("unanswered", "", Spread::exact(missed as f64)),
            Figure::new("of the questions", "%", Spread::exact(missed as f64 * 100.0 / asked.max(1) as f64))
                .at_most(MAX_UNANSWERED),
        ],
    };
    Section {
        title: title.to_owned(),
        rows: std::iter::once(all).chain(measured.iter().map(row)).collect(),
        notes: vec![
            format!(
                "{asked} questions, two about each screen. English data only, also for the German and French ones."
            ),
            "CPU: of this process and of Tesseract, for one screen at a time.".to_owned(),
        ],
    }
}
