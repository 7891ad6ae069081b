//! Model servers that administrators enter in the panel.

use domain::id::ProviderId;
use domain::provider::{ProviderKind, StoredProvider};

use crate::query::{execute, fetch_all, fetch_number, fetch_optional};
use crate::{Providers, StoreError, parsed};

#[derive(sqlx::FromRow)]
struct Row {
    #[sqlx(try_from = "String")]
    id: ProviderId,
    name: String,
    kind: String,
    base_url: String,
    more_urls: String,
    api_key_sealed: Option<Vec<u8>>,
    model: String,
    vision: i64,
    context_tokens: Option<i64>,
    max_tokens: Option<i64>,
    version: i64,
    saved_at: i64,
}

impl TryFrom<Row> for StoredProvider {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let tokens = |stored: Option<i64>| stored.and_then(|tokens| u32::try_from(tokens).ok());
        Ok(Self {
            kind: parsed::<ProviderKind>("model_provider", row.kind)?,
            id: row.id,
            name: row.name,
            base_url: row.base_url,
            more_urls: row.more_urls.lines().map(str::to_owned).collect(),
            api_key_sealed: row.api_key_sealed,
            model: row.model,
            vision: row.vision != 0,
            context_tokens: tokens(row.context_tokens),
            max_tokens: tokens(row.max_tokens),
            version: row.version,
            saved_at: row.saved_at,
        })
    }
}

const COLUMNS: &str = "id, name, kind, base_url, more_urls, api_key_sealed, model, vision, context_tokens, max_tokens, version, saved_at";

impl Providers<'_> {
    /// The oldest first.
    pub async fn list(&mut self) -> Result<Vec<StoredProvider>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM model_provider ORDER BY id");
        fetch_all!(self.0, Row, &sql)?.into_iter().map(TryInto::try_into).collect()
    }

    pub async fn find(&mut self, id: &str) -> Result<Option<StoredProvider>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM model_provider WHERE id = $1");
        fetch_optional!(self.0, Row, &sql, id)?.map(TryInto::try_into).transpose()
    }

    pub async fn count(&mut self) -> Result<u64, StoreError> {
        Ok(fetch_number!(self.0, "SELECT COUNT(*) FROM model_provider")?.unsigned_abs())
    }

    /// Stores a new one. [`StoreError::Duplicate`] when another has its name.
    pub async fn insert(&mut self, provider: &StoredProvider) -> Result<(), StoreError> {
        execute!(
            self.0,
            "INSERT INTO model_provider (id, name, name_key, kind, base_url, more_urls, api_key_sealed, model, vision,
             context_tokens, max_tokens, version, saved_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
            provider.id.as_str(),
            &provider.name,
            provider.name.to_lowercase(),
            provider.kind.as_str(),
            &provider.base_url,
            provider.more_urls.join("\n"),
            provider.api_key_sealed.as_deref(),
            &provider.model,
            i64::from(provider.vision),
            provider.context_tokens.map(i64::from),
            provider.max_tokens.map(i64::from),
            provider.version,
            provider.saved_at
        )?;
        Ok(())
    }

    /// Saves the next version; `false` if the stored one is not the one before. [`StoreError::Duplicate`] when another has
    /// its name.
    pub async fn update(&mut self, provider: &StoredProvider) -> Result<bool, StoreError> {
        let changed = execute!(
            self.0,
            "UPDATE model_provider SET name = $1, name_key = $2, kind = $3, base_url = $4, more_urls = $5,
             api_key_sealed = $6, model = $7, vision = $8, context_tokens = $9, max_tokens = $10, version = $11,
             saved_at = $12 WHERE id = $13 AND version = $11 - 1",
            &provider.name,
            provider.name.to_lowercase(),
            provider.kind.as_str(),
            &provider.base_url,
            provider.more_urls.join("\n"),
            provider.api_key_sealed.as_deref(),
            &provider.model,
            i64::from(provider.vision),
            provider.context_tokens.map(i64::from),
            provider.max_tokens.map(i64::from),
            provider.version,
            provider.saved_at,
            provider.id.as_str()
        )?;
        Ok(changed == 1)
    }

    /// Deletes one that no mode uses; otherwise `false`.
    pub async fn delete(&mut self, id: &str) -> Result<bool, StoreError> {
        let deleted = execute!(
            self.0,
            "DELETE FROM model_provider WHERE id = $1
             AND NOT EXISTS (SELECT 1 FROM mode WHERE mode.provider = model_provider.name)",
            id
        )?;
        Ok(deleted == 1)
    }
}
