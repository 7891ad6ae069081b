//! One statement for both databases. Both understand `$1` parameters, `RETURNING` and `ON CONFLICT`, so a statement is
//! written once; where they differ, the caller gives two.

/// Runs a statement; gives the number of rows that it changed.
macro_rules! execute {
    ($tx:expr, $sql:expr $(, $arg:expr)* $(,)?) => {
        match $tx {
            crate::store::Tx::Sqlite(tx) => {
                sqlx::query($sql)$(.bind($arg))*.execute(&mut **tx).await.map(|done| done.rows_affected())
            }
            crate::store::Tx::Postgres(tx) => {
                sqlx::query($sql)$(.bind($arg))*.execute(&mut **tx).await.map(|done| done.rows_affected())
            }
        }
        .map_err(crate::store::StoreError::of)
    };
}

/// At most one row, as `$row`, which derives `sqlx::FromRow`.
macro_rules! fetch_optional {
    ($tx:expr, $row:ty, $sql:expr $(, $arg:expr)* $(,)?) => {
        match $tx {
            crate::store::Tx::Sqlite(tx) => {
                sqlx::query_as::<_, $row>($sql)$(.bind($arg))*.fetch_optional(&mut **tx).await
            }
            crate::store::Tx::Postgres(tx) => {
                sqlx::query_as::<_, $row>($sql)$(.bind($arg))*.fetch_optional(&mut **tx).await
            }
        }
        .map_err(crate::store::StoreError::of)
    };
}

/// All rows, as `$row`.
macro_rules! fetch_all {
    ($tx:expr, $row:ty, $sql:expr $(, $arg:expr)* $(,)?) => {
        match $tx {
            crate::store::Tx::Sqlite(tx) => sqlx::query_as::<_, $row>($sql)$(.bind($arg))*.fetch_all(&mut **tx).await,
            crate::store::Tx::Postgres(tx) => sqlx::query_as::<_, $row>($sql)$(.bind($arg))*.fetch_all(&mut **tx).await,
        }
        .map_err(crate::store::StoreError::of)
    };
}

/// A value that is bound to a statement put together at run time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Number(i64),
    Text(String),
}

/// As `fetch_all!`, with as many values as a slice of [`Value`] holds.
macro_rules! fetch_all_with {
    ($tx:expr, $row:ty, $sql:expr, $values:expr $(,)?) => {
        match $tx {
            crate::store::Tx::Sqlite(tx) => {
                crate::store::query::bound!(sqlx::query_as::<_, $row>($sql), $values)
                    .fetch_all(&mut **tx)
                    .await
            }
            crate::store::Tx::Postgres(tx) => {
                crate::store::query::bound!(sqlx::query_as::<_, $row>($sql), $values)
                    .fetch_all(&mut **tx)
                    .await
            }
        }
        .map_err(crate::store::StoreError::of)
    };
}

/// A statement with its values bound, for either database.
macro_rules! bound {
    ($query:expr, $values:expr) => {{
        let mut query = $query;
        for value in $values {
            query = match value {
                crate::store::query::Value::Number(number) => query.bind(*number),
                crate::store::query::Value::Text(text) => query.bind(text.as_str()),
            };
        }
        query
    }};
}

/// One number, such as a count.
macro_rules! fetch_number {
    ($tx:expr, $sql:expr $(, $arg:expr)* $(,)?) => {
        match $tx {
            crate::store::Tx::Sqlite(tx) => sqlx::query_scalar::<_, i64>($sql)$(.bind($arg))*.fetch_one(&mut **tx).await,
            crate::store::Tx::Postgres(tx) => {
                sqlx::query_scalar::<_, i64>($sql)$(.bind($arg))*.fetch_one(&mut **tx).await
            }
        }
        .map_err(crate::store::StoreError::of)
    };
}

pub(super) use {bound, execute, fetch_all, fetch_all_with, fetch_number, fetch_optional};
