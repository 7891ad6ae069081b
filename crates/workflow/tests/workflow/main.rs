//! The engine, concept by concept, under the names that LangGraph's documentation gives them.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod documents;
mod durability;
mod fault_tolerance;
mod fixture;
mod graph;
mod interrupts;
mod parallel;
mod persistence;
mod streaming;
mod subgraphs;
mod time_travel;
