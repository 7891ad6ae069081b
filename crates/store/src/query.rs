//! Macros that run a statement on either database. Both support `$1` parameters, `RETURNING` and `ON CONFLICT`, so one text
//! serves both.

use std::future::Future;
use std::time::Instant;

use tracing::{Instrument, field};

use crate::StoreError;

/// Runs a statement in a span with its text and duration. The text contains no values, since these are bound.
pub(crate) async fn traced<T>(
    statement: &str,
    run: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, StoreError> {
    let span = tracing::debug_span!("statement", db.query.text = statement, elapsed_us = field::Empty);
    let start = Instant::now();
    let result = run.instrument(span.clone()).await;
    span.record("elapsed_us", u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX));
    result.map_err(StoreError::of)
}

/// Runs a statement. Returns the number of affected rows.
macro_rules! execute {
    ($tx:expr, $sql:expr $(, $arg:expr)* $(,)?) => {{
        let sql: &str = $sql;
        crate::query::traced(sql, async {
            Ok(match $tx {
                crate::Tx::Sqlite(tx) => sqlx::query(sql)$(.bind($arg))*.execute(&mut **tx).await?.rows_affected(),
                crate::Tx::Postgres(tx) => sqlx::query(sql)$(.bind($arg))*.execute(&mut **tx).await?.rows_affected(),
            })
        })
        .await
    }};
}

/// Fetches at most one row as `$row`, which implements `sqlx::FromRow`.
macro_rules! fetch_optional {
    ($tx:expr, $row:ty, $sql:expr $(, $arg:expr)* $(,)?) => {{
        let sql: &str = $sql;
        crate::query::traced(sql, async {
            match $tx {
                crate::Tx::Sqlite(tx) => sqlx::query_as::<_, $row>(sql)$(.bind($arg))*.fetch_optional(&mut **tx).await,
                crate::Tx::Postgres(tx) => {
                    sqlx::query_as::<_, $row>(sql)$(.bind($arg))*.fetch_optional(&mut **tx).await
                }
            }
        })
        .await
    }};
}

/// Fetches all rows as `$row`.
macro_rules! fetch_all {
    ($tx:expr, $row:ty, $sql:expr $(, $arg:expr)* $(,)?) => {{
        let sql: &str = $sql;
        crate::query::traced(sql, async {
            match $tx {
                crate::Tx::Sqlite(tx) => sqlx::query_as::<_, $row>(sql)$(.bind($arg))*.fetch_all(&mut **tx).await,
                crate::Tx::Postgres(tx) => sqlx::query_as::<_, $row>(sql)$(.bind($arg))*.fetch_all(&mut **tx).await,
            }
        })
        .await
    }};
}

/// A parameter of a statement that is composed at run time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Number(i64),
    Text(String),
}

/// As `fetch_all!`, with the parameters in a slice of [`Value`].
macro_rules! fetch_all_with {
    ($tx:expr, $row:ty, $sql:expr, $values:expr $(,)?) => {{
        let sql: &str = $sql;
        crate::query::traced(sql, async {
            match $tx {
                crate::Tx::Sqlite(tx) => {
                    crate::query::bound!(sqlx::query_as::<_, $row>(sql), $values).fetch_all(&mut **tx).await
                }
                crate::Tx::Postgres(tx) => {
                    crate::query::bound!(sqlx::query_as::<_, $row>(sql), $values).fetch_all(&mut **tx).await
                }
            }
        })
        .await
    }};
}

/// Binds a slice of [`Value`] to a query.
macro_rules! bound {
    ($query:expr, $values:expr) => {{
        let mut query = $query;
        for value in $values {
            query = match value {
                crate::query::Value::Number(number) => query.bind(*number),
                crate::query::Value::Text(text) => query.bind(text.as_str()),
            };
        }
        query
    }};
}

/// Fetches one number, such as a count.
macro_rules! fetch_number {
    ($tx:expr, $sql:expr $(, $arg:expr)* $(,)?) => {{
        let sql: &str = $sql;
        crate::query::traced(sql, async {
            match $tx {
                crate::Tx::Sqlite(tx) => sqlx::query_scalar::<_, i64>(sql)$(.bind($arg))*.fetch_one(&mut **tx).await,
                crate::Tx::Postgres(tx) => sqlx::query_scalar::<_, i64>(sql)$(.bind($arg))*.fetch_one(&mut **tx).await,
            }
        })
        .await
    }};
}

pub(super) use {bound, execute, fetch_all, fetch_all_with, fetch_number, fetch_optional};
