//! One page of a list.

use serde::{Deserialize, Serialize};

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Page<T> {
    pub rows: Vec<T>,
    /// How many rows there are in total.
    pub total: u64,
    /// The number of this page, counted from 0.
    pub page: u32,
    /// How many rows a page has, except the last one.
    pub page_size: u32,
}
