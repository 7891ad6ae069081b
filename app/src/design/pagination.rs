//! Pagination by links: the page number is in the URL.

use leptos::prelude::*;
use leptos_router::components::A;

#[component]
pub fn Pagination(
    /// From 0.
    page: u32,
    page_size: u32,
    total: u64,
    /// The address of a page.
    href: impl Fn(u32) -> String,
    /// What is listed: "requests".
    what: &'static str,
) -> impl IntoView {
    let (first, last) = shown(page, page_size, total);
    let has_next = last < total;
    let link = "link font-medium";
    view! {
        <nav aria-label="Pages" class="flex flex-wrap items-center gap-4 py-2 text-muted">
            <p>{count(first, last, total, what)}</p>
            {(page > 0)
                .then(|| view! { <A href=href(page - 1) attr:class=link attr:rel="prev">"Previous page"</A> })}
            {has_next.then(|| view! { <A href=href(page + 1) attr:class=link attr:rel="next">"Next page"</A> })}
        </nav>
    }
}

/// `1 request`, `17 requests`, `26–50 of 60 requests`.
fn count(first: u64, last: u64, total: u64, what: &str) -> String {
    match total {
        0 => format!("No {what}"),
        1 if what == "people" => "1 person".to_owned(),
        1 => format!("1 {}", what.trim_end_matches('s')),
        total if first == 1 && last == total => format!("{total} {what}"),
        total => format!("{first}–{last} of {total} {what}"),
    }
}

/// The first and the last row of a page, counted from 1.
fn shown(page: u32, page_size: u32, total: u64) -> (u64, u64) {
    let start = u64::from(page) * u64::from(page_size);
    ((start + 1).min(total), (start + u64::from(page_size)).min(total))
}

#[cfg(test)]
mod tests {
    use super::{count, shown};

    #[test]
    fn one_is_not_counted_as_many() {
        assert_eq!(count(1, 1, 1, "requests"), "1 request");
        assert_eq!(count(1, 1, 1, "people"), "1 person");
        assert_eq!(count(1, 17, 17, "requests"), "17 requests");
        assert_eq!(count(26, 50, 60, "requests"), "26–50 of 60 requests");
    }

    #[test]
    fn the_last_page_ends_with_the_last_row() {
        assert_eq!(shown(0, 25, 60), (1, 25));
        assert_eq!(shown(2, 25, 60), (51, 60));
        assert_eq!(shown(9, 25, 60), (60, 60));
        assert_eq!(shown(0, 25, 0), (0, 0));
    }
}
