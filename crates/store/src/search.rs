//! The texts that searches match. Rows of an earlier version have none until [`Store::fill_search_texts`].

use domain::search::folded;

use crate::query::{execute, fetch_all};
use crate::{Store, StoreError};

/// Rows per transaction.
const BATCH: i64 = 200;

/// A `LIKE` pattern for folded texts that contain `search`, whose own wildcards are escaped with a backslash.
pub(crate) fn like_pattern(search: &str) -> String {
    let folded = folded(search.trim());
    let escaped = folded.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{escaped}%")
}

/// Of an analysis. Never empty, which is how a row without one is known.
pub(crate) fn of_analysis(context: &str, answer: &str) -> String {
    format!("{}\n{}", folded(context), folded(answer))
}

/// Of a certificate, beside its owner's address. Never empty.
pub(crate) fn of_certificate(device_name: &str, serial: &str) -> String {
    format!("{}\n{}", folded(device_name), folded(serial))
}

type Filled = (&'static str, &'static str, fn(&str, &str) -> String);

const TABLES: [Filled; 2] = [
    (
        "SELECT id, context, answer FROM analysis WHERE search_text = '' LIMIT $1",
        "UPDATE analysis SET search_text = $1 WHERE id = $2 AND search_text = ''",
        of_analysis,
    ),
    (
        "SELECT id, device_name, serial FROM machine_certificate WHERE search_text = '' LIMIT $1",
        "UPDATE machine_certificate SET search_text = $1 WHERE id = $2 AND search_text = ''",
        of_certificate,
    ),
];

impl Store {
    /// Stores the search texts of rows that have none, which an earlier version has written.
    pub async fn fill_search_texts(&self) -> Result<(), StoreError> {
        for (select, update, text_of) in TABLES {
            loop {
                let mut tx = self.read().await?;
                let rows: Vec<(String, String, String)> =
                    fetch_all!(&mut tx, (String, String, String), select, BATCH)?;
                drop(tx);
                if rows.is_empty() {
                    break;
                }
                let mut tx = self.begin().await?;
                for (id, one, other) in &rows {
                    execute!(&mut tx, update, text_of(one, other), id)?;
                }
                tx.commit().await?;
            }
        }
        Ok(())
    }
}
