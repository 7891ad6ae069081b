//! Tables that survive their content.
//!
//! The columns' widths do not depend on what the cells hold: long text is cut or wrapped in its cell. Columns of a lower
//! priority are hidden where the table is narrow (what they show is in the details too), and on phones each row is a card.
//! Columns of the first priority are never hidden.

use leptos::prelude::*;

/// Up to which width of the table a column is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Priority {
    /// Always shown.
    #[default]
    First,
    /// Hidden below 42 rem.
    Second,
    /// Hidden below 64 rem.
    Third,
}

impl Priority {
    fn classes(self) -> &'static str {
        match self {
            Self::First => "",
            Self::Second => "@max-2xl:hidden",
            Self::Third => "@max-5xl:hidden",
        }
    }

    fn number(self) -> &'static str {
        match self {
            Self::First => "1",
            Self::Second => "2",
            Self::Third => "3",
        }
    }
}

/// A column's heading.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    pub title: &'static str,
    priority: Priority,
    /// The class of its width; empty: an equal share of what the others leave.
    width: &'static str,
}

impl Column {
    pub const fn new(title: &'static str) -> Self {
        Self { title, priority: Priority::First, width: "" }
    }

    pub const fn wide_only(title: &'static str) -> Self {
        Self { title, priority: Priority::Second, width: "" }
    }

    #[must_use]
    pub const fn priority(self, priority: Priority) -> Self {
        Self { priority, ..self }
    }

    /// A width for content whose length is known: a state, a date, a button.
    #[must_use]
    pub const fn width(self, width: &'static str) -> Self {
        Self { width, ..self }
    }
}

/// The roles are stated because a `display` that is not a table's removes them.
#[component]
pub fn Table(
    /// What is listed, for screen readers.
    caption: &'static str,
    columns: &'static [Column],
    /// The rows: [`Row`]s with one [`Cell`] per column.
    children: Children,
) -> impl IntoView {
    view! {
        <div class="@container overflow-clip rounded-md border border-line" role="region" aria-label=caption>
            <table role="table" class="w-full table-fixed border-collapse text-left @max-md:block">
                <caption class="sr-only">{caption}</caption>
                <thead role="rowgroup" class="sticky top-0 z-[1] bg-sunken text-xs text-muted @max-md:sr-only">
                    <tr role="row">
                        {columns
                            .iter()
                            .map(|column| {
                                let Column { title, priority, width } = *column;
                                view! {
                                    <th
                                        role="columnheader"
                                        scope="col"
                                        class=format!("px-3 py-1.5 font-medium {width} {}", priority.classes())
                                        data-priority=priority.number()
                                    >
                                        {title}
                                    </th>
                                }
                            })
                            .collect_view()}
                    </tr>
                </thead>
                <tbody role="rowgroup" class="divide-y divide-line @max-md:block">
                    {children()}
                </tbody>
            </table>
        </div>
    }
}

/// A row: a card where the table is as narrow as on a phone.
#[component]
pub fn Row(
    /// Whether its details are open.
    #[prop(optional, into)]
    open: Signal<bool>,
    children: Children,
) -> impl IntoView {
    view! {
        <tr
            role="row"
            data-row=""
            class="focus-within:bg-sunken hover:bg-sunken @max-md:flex @max-md:flex-wrap @max-md:items-start @max-md:py-2"
            class=("bg-sunken", move || open.get())
        >
            {children()}
        </tr>
    }
}

#[component]
pub fn Cell(
    #[prop(optional)] wide_only: bool,
    #[prop(optional)] priority: Priority,
    /// What the row is about: on a phone it has a line of its own.
    #[prop(optional)]
    main: bool,
    children: Children,
) -> impl IntoView {
    let priority = if wide_only { Priority::Second } else { priority };
    let card = if main { "@max-md:grow @max-md:basis-3/4" } else { "" };
    view! {
        <td
            role="cell"
            class=format!("min-w-0 max-w-full px-3 py-2 align-top @max-md:py-1 {card} {}", priority.classes())
            data-priority=priority.number()
        >
            {children()}
        </td>
    }
}
