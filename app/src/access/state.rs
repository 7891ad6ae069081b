//! The label of a request's state.

use leptos::prelude::*;
use protocol::access::RequestState;

use crate::design::{Badge, Shape, Tone};

#[component]
pub fn StateBadge(state: RequestState) -> impl IntoView {
    let (tone, icon) = match state {
        RequestState::Approved => (Tone::Good, Shape::Check),
        RequestState::Expired => (Tone::Neutral, Shape::Stop),
        RequestState::Pending => (Tone::Neutral, Shape::Clock),
        RequestState::Redeemed => (Tone::Good, Shape::Certificate),
        RequestState::Rejected => (Tone::Neutral, Shape::Cross),
    };
    view! { <Badge tone icon word=word(state) /> }
}

/// The label in lists and in the filter.
pub fn word(state: RequestState) -> &'static str {
    match state {
        RequestState::Approved => "Approved",
        RequestState::Expired => "Expired",
        RequestState::Pending => "Pending",
        RequestState::Redeemed => "Issued",
        RequestState::Rejected => "Rejected",
    }
}
