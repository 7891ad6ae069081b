//! One page of a list.

use serde::{Deserialize, Serialize};

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Page<T> {
    pub rows: Vec<T>,
    /// How many there are in all.
    pub total: u64,
    /// From 0.
    pub page: u32,
    /// How many there are on a page, except on the last.
    pub page_size: u32,
}
