//! Several runs as one figure: the median, and how far the runs lie apart.

use serde::Serialize;

/// The median says what is usual and is not moved by one run that something else disturbed; least and most say how much
/// the median is worth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    pub median: f64,
    pub min: f64,
    pub max: f64,
    pub runs: usize,
}

impl Spread {
    /// `None` without a run.
    pub fn of(runs: &[f64]) -> Option<Self> {
        let mut sorted = runs.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let (lower, upper) = (sorted.get((sorted.len() - 1) / 2)?, sorted.get(sorted.len() / 2)?);
        Some(Self { median: f64::midpoint(*lower, *upper), min, max, runs: sorted.len() })
    }

    /// What is counted rather than measured, and would be the same each time.
    pub fn exact(value: f64) -> Self {
        Self { median: value, min: value, max: value, runs: 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_of_runs_lies_between_the_middle_two() {
        let spread = Spread::of(&[4.0, 1.0, 100.0, 2.0]).unwrap();
        assert_eq!(spread, Spread { median: 3.0, min: 1.0, max: 100.0, runs: 4 });
    }

    #[test]
    fn one_disturbed_run_does_not_move_the_median() {
        let spread = Spread::of(&[10.0, 11.0, 9.0, 10.0, 500.0]);
        assert_eq!(spread.map(|spread| spread.median), Some(10.0));
        assert_eq!(Spread::of(&[7.5]), Some(Spread::exact(7.5)));
    }

    #[test]
    fn without_a_run_there_is_no_figure() {
        assert_eq!(Spread::of(&[]), None);
    }
}
