//! What somebody may search for in a list.

use domain::search::check_search;
use protocol::Problem;

/// 422 for a text that is too long, before a database limits it in its own way.
pub fn check(search: &str) -> Result<(), Problem> {
    check_search(search).map_err(|invalid| Problem::invalid_input().field("search", invalid.to_string()))
}
