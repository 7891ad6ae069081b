//! Tables. On narrow screens a table scrolls sideways inside its own frame.

use leptos::prelude::*;

/// A column's heading.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    pub title: &'static str,
    /// Hidden where the table is narrow.
    pub wide_only: bool,
}

impl Column {
    pub const fn new(title: &'static str) -> Self {
        Self { title, wide_only: false }
    }

    pub const fn wide_only(title: &'static str) -> Self {
        Self { title, wide_only: true }
    }
}

#[component]
pub fn Table(
    /// What is listed, for screen readers.
    caption: &'static str,
    columns: &'static [Column],
    /// The rows: `<tr>` with one [`Cell`] per column.
    children: Children,
) -> impl IntoView {
    view! {
        <div class="@container overflow-x-auto rounded-md border border-line" tabindex="0" role="region" aria-label=caption>
            <table class="w-full border-collapse text-left">
                <caption class="sr-only">{caption}</caption>
                <thead class="bg-sunken text-xs text-muted">
                    <tr>
                        {columns
                            .iter()
                            .map(|column| {
                                view! {
                                    <th
                                        scope="col"
                                        class="px-3 py-2 font-semibold whitespace-nowrap"
                                        class=("@max-2xl:hidden", column.wide_only)
                                    >
                                        {column.title}
                                    </th>
                                }
                            })
                            .collect_view()}
                    </tr>
                </thead>
                <tbody class="divide-y divide-line">{children()}</tbody>
            </table>
        </div>
    }
}

#[component]
pub fn Cell(#[prop(optional)] wide_only: bool, children: Children) -> impl IntoView {
    view! {
        <td class="px-3 py-2 align-top" class=("@max-2xl:hidden", wide_only)>
            {children()}
        </td>
    }
}
