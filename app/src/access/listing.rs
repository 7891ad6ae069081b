//! The query of the request list, as it is in the page's address, and its requests, kept up to date.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use protocol::access::{AccessRequestRow, MatchCode, Page, RequestState};

use super::api;
use crate::error::AppError;
use crate::navigation::{page_in_address, page_number, with_query};

pub const PATH: &str = "/admin/requests";
/// In the address in place of a state.
pub const WAITING: &str = "waiting";

/// The list's filter and page number, from the page's address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    pub state: Option<RequestState>,
    /// Only what waits for an administrator; then `state` is `None`.
    pub waiting: bool,
    pub search: String,
    pub page: u32,
}

impl Listing {
    /// The listing that the address of the page asks for.
    pub fn of_url() -> Memo<Self> {
        let query = use_query_map();
        Memo::new(move |_| {
            query.with(|q| Self {
                state: q.get_str("state").and_then(|s| s.parse().ok()),
                waiting: q.get_str("state") == Some(WAITING),
                search: written_together(q.get_str("search").unwrap_or_default()),
                page: page_number(q.get_str("page")),
            })
        })
    }

    /// The first page of what waits for an administrator.
    pub fn waiting() -> Self {
        Self { waiting: true, ..Self::default() }
    }

    /// The filter's value in the address.
    pub fn choice(&self) -> &'static str {
        if self.waiting { WAITING } else { self.state.map(RequestState::as_str).unwrap_or_default() }
    }

    /// `path` with this listing as its query.
    pub fn at(&self, path: &str) -> String {
        let page = page_in_address(self.page);
        with_query(path, &[("state", self.choice()), ("search", &self.search), ("page", &page)])
    }

    /// The address of the list itself.
    pub fn list_path(&self) -> String {
        self.at(PATH)
    }

    async fn load(self) -> Result<Page<AccessRequestRow>, AppError> {
        api::list(self.state, self.waiting, self.search, self.page).await
    }

    async fn load_again(self) -> Result<Page<AccessRequestRow>, AppError> {
        api::poll_list(self.state, self.waiting, self.search, self.page).await
    }
}

/// What is searched for. A code that is read out and typed with spaces is one word.
fn written_together(search: &str) -> String {
    let search = search.trim();
    match search.parse::<MatchCode>() {
        Ok(code) if search.contains(char::is_whitespace) => code.grouped(),
        _ => search.to_owned(),
    }
}

/// A listing's requests. A new load at them ([`Requests::refresh`]) changes only the rows that differ, so that
/// nobody loses the place, the focus or what is ticked.
#[derive(Clone, Copy)]
pub struct Requests {
    listing: Memo<Listing>,
    first: Resource<Result<Page<AccessRequestRow>, AppError>>,
    newer: RwSignal<Option<Page<AccessRequestRow>>>,
    /// The number of the last load: answers may overtake each other.
    loads: StoredValue<u32>,
}

impl Requests {
    pub fn of(listing: Memo<Listing>) -> Self {
        let first = Resource::new(move || listing.get(), Listing::load);
        let this = Self { listing, first, newer: RwSignal::new(None), loads: StoredValue::new(0) };
        Effect::new(move |_| {
            listing.track();
            this.loads.update_value(|loads| *loads += 1);
            this.newer.set(None);
        });
        this
    }

    /// What a page waits for, to be shown with [`Requests::page`].
    pub fn first(self) -> Resource<Result<Page<AccessRequestRow>, AppError>> {
        self.first
    }

    /// The newest of what is known; `first` is what [`Requests::first`] gave.
    pub fn page(self, first: Page<AccessRequestRow>) -> Memo<Page<AccessRequestRow>> {
        Memo::new(move |_| self.newer.with(|newer| newer.clone().unwrap_or_else(|| first.clone())))
    }

    /// Asks the server again. What fails changes nothing: the list stays readable while the network is away.
    pub fn refresh(self) {
        let listing = self.listing.get_untracked();
        self.loads.update_value(|loads| *loads += 1);
        let load = self.loads.get_value();
        leptos::task::spawn_local(async move {
            if let Ok(page) = listing.load_again().await
                && self.loads.try_get_value() == Some(load)
            {
                self.newer.try_set(Some(page));
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_as_it_is_read_out() {
        assert_eq!(written_together(" abcd 2345 "), "ABCD-2345");
        assert_eq!(written_together("abcd2345"), "abcd2345");
        assert_eq!(written_together("Front desk"), "Front desk");
    }

    #[test]
    fn an_opened_row_keeps_the_listing() {
        let listing = Listing {
            state: Some(RequestState::Pending),
            search: "a+b@c".into(),
            page: 2,
            ..Listing::default()
        };
        assert_eq!(
            listing.at("/admin/requests/7"),
            "/admin/requests/7?state=pending&search=a%2Bb%40c&page=3"
        );
        assert_eq!(Listing::default().list_path(), "/admin/requests");
        assert_eq!(Listing::waiting().list_path(), "/admin/requests?state=waiting");
    }
}
