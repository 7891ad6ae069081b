//! A state, as an icon and a word, as quiet as the text around it. The colour adds no information.

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
            Self::Bad => "text-bad",
            Self::Good => "text-good",
            Self::Neutral => "text-muted",
            Self::Signal => "rounded-full bg-signal py-0.5 pr-2.5 pl-2 text-on-signal",
        }
    }
}

#[component]
pub fn Badge(tone: Tone, icon: Shape, #[prop(into)] word: String) -> impl IntoView {
    view! {
        <span class=format!(
            "inline-flex items-center gap-1.5 text-sm font-medium whitespace-nowrap {}",
            tone.classes(),
        )>
            <Icon shape=icon />
            {word}
        </span>
    }
}
