//! What kind of answer a question asks for: an instant, an amount, a place in a file, or what went wrong. In English,
//! German and French.

use super::pattern::{self as p, Pattern};

/// A line that has what is asked for counts so much more.
const HAS_IT: f32 = 1.6;
/// A line beside one that has it: a label above its value.
const BESIDE: f32 = 1.25;

/// What the question asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Amount,
    Failure,
    Place,
    Time,
}

impl Wanted {
    /// From the particular to the general: "in which line is the error" asks for the line.
    pub fn of(question: &str) -> Option<Self> {
        let asked = [
            (&p::ASKS_PLACE, Self::Place),
            (&p::ASKS_TIME, Self::Time),
            (&p::ASKS_AMOUNT, Self::Amount),
            (&p::ASKS_FAILURE, Self::Failure),
        ];
        asked.into_iter().find(|(pattern, _)| pattern.matches(question)).map(|(_, wanted)| wanted)
    }

    fn pattern(self) -> &'static Pattern {
        match self {
            Self::Amount => &p::AMOUNT,
            Self::Failure => &p::FAILURE,
            Self::Place => &p::PLACE,
            Self::Time => &p::TIME,
        }
    }

    /// By how much each line's score is multiplied.
    pub fn weights(self, lines: &[&str]) -> Vec<f32> {
        let has: Vec<bool> = lines.iter().map(|line| self.pattern().matches(line)).collect();
        let has_it = |index: usize| has.get(index).copied().unwrap_or(false);
        let weight = |index: usize| match index {
            _ if has_it(index) => HAS_IT,
            _ if has_it(index.wrapping_sub(1)) || has_it(index + 1) => BESIDE,
            _ => 1.0,
        };
        (0..lines.len()).map(weight).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_say_what_they_ask_for() {
        for (question, wanted) in [
            ("When is the payment due?", Some(Wanted::Time)),
            ("Until when do I have to sign?", Some(Wanted::Time)),
            ("Wann wird die Heizung gewartet?", Some(Wanted::Time)),
            ("Quand commencent les cours ?", Some(Wanted::Time)),
            ("How much is the rent?", Some(Wanted::Amount)),
            ("How many tests passed?", Some(Wanted::Amount)),
            ("Wie hoch sind die Kosten?", Some(Wanted::Amount)),
            ("Combien coûte la carte ?", Some(Wanted::Amount)),
            ("In which file and line is the error?", Some(Wanted::Place)),
            ("Welche Zeile ist falsch?", Some(Wanted::Place)),
            ("Why did the backup fail?", Some(Wanted::Failure)),
            ("Was ist der Fehler?", Some(Wanted::Failure)),
            ("Who is the author?", None),
            ("Which line of business?", Some(Wanted::Place)),
        ] {
            assert_eq!(Wanted::of(question), wanted, "{question}");
        }
    }

    #[test]
    fn lines_with_what_is_asked_for_and_those_beside_weigh_more() {
        let lines = ["Opening", "from 9:30", "Room", "12.50 EUR", "panicked at src/main.rs:3:5"];
        assert_eq!(Wanted::Time.weights(&lines), [BESIDE, HAS_IT, BESIDE, 1.0, 1.0]);
        assert_eq!(Wanted::Place.weights(&lines), [1.0, 1.0, 1.0, BESIDE, HAS_IT]);
        assert_eq!(Wanted::Failure.weights(&lines), [1.0, 1.0, 1.0, BESIDE, HAS_IT]);
        for time in
            ["16 March 2025", "Tue, 27. Mai", "2025-04-11", "le 14 juin", "3/4/2025", "at 5 pm", "14h30"]
        {
            assert!(p::TIME.matches(time), "{time}");
        }
        for amount in ["$12", "340 Euro", "42", "1,204.50"] {
            assert!(p::AMOUNT.matches(amount), "{amount}");
        }
        assert!(!p::TIME.matches("12.50 EUR") && !p::AMOUNT.matches("utf8"));
    }
}
