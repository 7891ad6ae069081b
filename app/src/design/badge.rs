//! A state, as an icon and a word. The colour adds no information.

use leptos::prelude::*;

use super::{Icon, Shape};

/// What a state means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Bad,
    Good,
    Neutral,
    /// The screen is being watched, a frame is leaving the machine, text is about to be typed. Nothing else.
    Signal,
}

impl Tone {
    fn classes(self) -> &'static str {
        match self {
            Self::Bad => "border-bad/40 bg-bad-wash text-bad",
            Self::Good => "border-good/40 bg-good-wash text-good",
            Self::Neutral => "border-line-strong bg-raised text-muted",
            Self::Signal => "border-signal bg-signal text-on-signal",
        }
    }
}

#[component]
pub fn Badge(tone: Tone, icon: Shape, #[prop(into)] word: String) -> impl IntoView {
    view! {
        <span class=format!(
            "inline-flex items-center gap-1.5 rounded-full border py-0.5 pr-2.5 pl-2 text-xs font-semibold whitespace-nowrap {}",
            tone.classes(),
        )>
            <Icon shape=icon />
            {word}
        </span>
    }
}
