//! What a benchmark found: for people as tables, for programs as JSON. Both hold the same figures.

use serde::Serialize;

use crate::spread::Spread;

/// The results of one run, as they are written to the file. Nothing in it is a date or a path, so that two runs differ
/// only where the figures do.
#[derive(Debug, Serialize)]
pub struct Report {
    pub commit: String,
    pub machine: Machine,
    pub sections: Vec<Section>,
}

/// The hardware that the figures depend on.
#[derive(Debug, Serialize)]
pub struct Machine {
    pub processor: String,
    pub cores: usize,
    /// The core that each measured server has for itself.
    pub server_core: usize,
    /// The core of whatever sends the requests.
    pub generator_core: usize,
}

/// One table.
#[derive(Debug, Serialize)]
pub struct Section {
    pub title: String,
    pub rows: Vec<Row>,
    /// What readers of the figures must know.
    pub notes: Vec<String>,
}

#[derive(Debug, Serialize)]
pub struct Row {
    pub name: String,
    pub figures: Vec<Figure>,
}

#[derive(Debug, Serialize)]
pub struct Figure {
    pub name: &'static str,
    pub unit: &'static str,
    #[serde(flatten)]
    pub spread: Spread,
    /// The measured program could do better: what measured it was at its limit first.
    pub lower_bound: bool,
    /// The goal: the run fails when the median is over it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_most: Option<f64>,
}

impl Section {
    /// What is over its goal, for people.
    pub fn missed(&self) -> Vec<String> {
        let figures = self.rows.iter().flat_map(|row| row.figures.iter().map(move |figure| (row, figure)));
        let missed = figures.filter_map(|(row, figure)| Some((row, figure.missed()?)));
        missed.map(|(row, missed)| format!("{}, {}: {missed}", self.title, row.name)).collect()
    }
}

impl Figure {
    pub fn new(name: &'static str, unit: &'static str, spread: Spread) -> Self {
        Self { name, unit, spread, lower_bound: false, at_most: None }
    }

    pub fn at_most(self, goal: f64) -> Self {
        Self { at_most: Some(goal), ..self }
    }

    fn missed(&self) -> Option<String> {
        let goal = self.at_most.filter(|goal| self.spread.median > *goal)?;
        let unit = self.unit;
        Some(format!(
            "{} {} {unit}, over the goal of {} {unit}",
            self.name,
            number(self.spread.median),
            number(goal)
        ))
    }

    fn heading(&self) -> String {
        if self.unit.is_empty() { self.name.to_owned() } else { format!("{} [{}]", self.name, self.unit) }
    }

    fn cell(&self) -> String {
        let Spread { median, min, max, runs } = self.spread;
        let bound = if self.lower_bound { "≥ " } else { "" };
        let range = if runs > 1 { format!(" ({}–{})", number(min), number(max)) } else { String::new() };
        format!("{bound}{}{range}", number(median))
    }
}

impl std::fmt::Display for Section {
    /// The table. Figures of one name stand below each other; a row without one has a gap.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut headings: Vec<String> = Vec::new();
        for figure in self.rows.iter().flat_map(|row| &row.figures) {
            let heading = figure.heading();
            if !headings.contains(&heading) {
                headings.push(heading);
            }
        }
        let cells = |row: &Row| -> Vec<String> {
            let cell = |heading: &String| {
                row.figures
                    .iter()
                    .find(|figure| figure.heading() == *heading)
                    .map_or_else(String::new, Figure::cell)
            };
            std::iter::once(row.name.clone()).chain(headings.iter().map(cell)).collect()
        };
        let mut lines = vec![std::iter::once(String::new()).chain(headings.iter().cloned()).collect()];
        lines.extend(self.rows.iter().map(cells));
        let widths: Vec<usize> = (0..=headings.len())
            .map(|column| {
                let cells = lines.iter().filter_map(|line| line.get(column));
                cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
            })
            .collect();
        writeln!(f, "\n{}", self.title)?;
        for line in &lines {
            let mut text = String::from(" ");
            for (column, (cell, width)) in line.iter().zip(&widths).enumerate() {
                let gap = " ".repeat(width - cell.chars().count());
                // Names to the left, figures to the right, so that their digits stand below each other.
                text.extend(if column == 0 { [" ", cell, &gap] } else { ["   ", &gap, cell] });
            }
            writeln!(f, "{}", text.trim_end())?;
        }
        self.notes.iter().try_for_each(|note| writeln!(f, "  - {note}"))
    }
}

/// Large numbers without decimals and in groups of three digits, small ones with the digits that tell them apart.
fn number(value: f64) -> String {
    let decimals = match value.abs() {
        size if size >= 100.0 || value.fract() == 0.0 => 0,
        size if size >= 1.0 => 1,
        _ => 3,
    };
    let text = format!("{value:.decimals$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let digits = whole.trim_start_matches('-').len();
    let mut grouped = String::new();
    for (index, digit) in whole.trim_start_matches('-').chars().enumerate() {
        if index > 0 && (digits - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let sign = if whole.starts_with('-') { "-" } else { "" };
    format!("{sign}{grouped}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(name: &'static str, runs: &[f64]) -> Figure {
        Figure::new(name, "1/s", Spread::of(runs).unwrap())
    }

    #[test]
    fn numbers_are_written_as_people_read_them() {
        let written = [0.0, 0.0625, 2.52, 99.96, 100.4, 1_234.0, 1_234_567.8, -12_345.0].map(number);
        assert_eq!(written, ["0", "0.062", "2.5", "100.0", "100", "1,234", "1,234,568", "-12,345"]);
    }

    #[test]
    fn figures_of_one_name_stand_below_each_other_and_a_bound_is_marked() {
        let bound = Figure { lower_bound: true, ..figure("answers", &[20_000.0, 10_000.0, 30_000.0]) };
        let section = Section {
            title: "t".into(),
            rows: vec![
                Row { name: "ours".into(), figures: vec![bound] },
                Row {
                    name: "a peer".into(),
                    figures: vec![figure("answers", &[5.0]), figure("errors", &[1.0])],
                },
            ],
            notes: vec!["n".into()],
        };
        let lines: Vec<String> = section.to_string().lines().map(str::to_owned).collect();
        assert_eq!(
            lines,
            [
                "",
                "t",
                "                      answers [1/s]   errors [1/s]",
                "  ours     ≥ 20,000 (10,000–30,000)",
                "  a peer                          5              1",
                "  - n",
            ]
        );
    }

    #[test]
    fn a_median_over_its_goal_is_reported_and_one_slow_run_is_not() {
        let times = |runs: &[f64]| Figure::new("after", "ms", Spread::of(runs).unwrap()).at_most(1_000.0);
        let row = |name: &str, figure| Row { name: name.into(), figures: vec![figure] };
        let missed = |rows| Section { title: "t".into(), rows, notes: Vec::new() }.missed();
        let one_slow = row("new", times(&[900.0, 1_000.0, 5_000.0]));
        assert!(missed(vec![one_slow, row("no goal", figure("answers", &[2_000.0]))]).is_empty());
        let slow = vec![row("idle", times(&[900.0])), row("new", times(&[900.0, 1_234.0, 5_000.0]))];
        assert_eq!(missed(slow), ["t, new: after 1,234 ms, over the goal of 1,000 ms"]);
    }

    #[test]
    fn a_program_reads_the_same_figures() {
        let json = serde_json::to_value(figure("answers", &[1.0, 3.0])).unwrap();
        let expected = serde_json::json!({
            "name": "answers", "unit": "1/s", "median": 2.0, "min": 1.0, "max": 3.0, "runs": 2, "lower_bound": false,
        });
        assert_eq!(json, expected);
    }
}
