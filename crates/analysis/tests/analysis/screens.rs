//! The reader on screens of real programs. `tests/screens/README.md` says how they are made.

use analysis::ReaderConfig;

use super::ocr::reader;

#[path = "../screens/measure.rs"]
mod measure;

use measure::{Measured, Screen, measure, screens};

async fn measured(screen: &Screen) -> Measured {
    measure(&reader(ReaderConfig::default()), screen).await.unwrap()
}

/// One of each kind: a compiler's colours, a dimmed page, a table between rules, panes, grey text, columns of cards.
const IN_EACH_RUN: [&str; 6] = ["rustc", "dialog", "sqlite", "kanban", "grey-form", "german-mail"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn screens_of_each_kind_are_read_and_questions_about_them_answered() {
    let chosen = screens().unwrap().into_iter().filter(|screen| IN_EACH_RUN.contains(&screen.name.as_str()));
    let tasks: Vec<_> =
        chosen.map(|screen| tokio::spawn(async move { (measured(&screen).await, screen) })).collect();
    assert_eq!(tasks.len(), IN_EACH_RUN.len());
    let mut missed = Vec::new();
    for task in tasks {
        let (measured, screen) = task.await.unwrap();
        let Measured { recall, precision, .. } = measured;
        let text = measured.recognized.text();
        assert!(recall >= 0.88, "{}: word recall {recall:.3}\n{text}", screen.name);
        assert!(precision >= 0.9, "{}: precision {precision:.3}\n{text}", screen.name);
        missed.extend(measured.missed);
    }
    assert!(missed.len() <= 1, "{missed:#?}");
}

/// All of them, as the benchmark `reader` does. `READER_SCREENS` chooses: `held-out`, or names; `READER_TEXT=1` shows what
/// was read.
#[tokio::test]
#[ignore = "reads 42 screens: run by hand while the reader is changed"]
async fn all_screens() {
    let chosen = std::env::var("READER_SCREENS").unwrap_or_default();
    let names: Vec<&str> = chosen.split_whitespace().collect();
    let is_chosen = |screen: &&Screen| match names.first() {
        None => !screen.held_out,
        Some(&"held-out") => screen.held_out,
        Some(_) => names.contains(&screen.name.as_str()),
    };
    let (mut recall, mut precision, mut answered, mut asked, mut count) = (0.0, 0.0, 0, 0, 0.0);
    for screen in screens().unwrap().iter().filter(is_chosen) {
        let measured = measured(screen).await;
        println!(
            "{:16} {}×{} recall {:.3} precision {:.3} cpu {:.2}",
            screen.name,
            screen.width,
            screen.height,
            measured.recall,
            measured.precision,
            measured.cpu_seconds
        );
        if std::env::var_os("READER_TEXT").is_some() {
            println!("{}", measured.recognized.text());
        }
        for (question, answer) in &measured.missed {
            println!("    MISSED {} → {}\n{answer}", question.question, question.line);
        }
        asked += screen.questions.len();
        answered += screen.questions.len() - measured.missed.len();
        (recall, precision, count) = (recall + measured.recall, precision + measured.precision, count + 1.0);
    }
    println!(
        "recall {:.3} precision {:.3} answered {answered} of {asked}",
        recall / count,
        precision / count
    );
}
