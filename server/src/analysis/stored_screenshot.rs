//! Screenshots stored with their analyses (`screenshots.keep`), encrypted with the data key and bound to their analysis.
//!
//! Rows rather than files in the data folder: written in the analysis's transaction, deleted with it, part of the
//! database's backup, and available to every server that shares the database.

use std::sync::Arc;

use ::analysis::Picture;
use domain::id::{AccountId, AnalysisId};
use protocol::ServiceError;
use protocol::image::MediaType;
use web::ConcurrencyLimit;

use crate::environment::Environment;
use crate::failure::Failure;

/// Images sealed or opened concurrently. Each needs up to three times its size, 60 MB.
const MAX_CONCURRENT: usize = 2;

/// The context that a sealed image is bound to.
fn context(analysis_id: &AnalysisId) -> String {
    format!("analysis.picture:{analysis_id}")
}

/// An image as it was uploaded.
#[derive(Debug)]
pub struct StoredScreenshot {
    pub media_type: &'static str,
    pub bytes: Vec<u8>,
}

#[derive(Debug, Clone)]
pub struct StoredScreenshots {
    env: Arc<Environment>,
    limit: ConcurrencyLimit,
}

impl StoredScreenshots {
    pub fn new(env: Arc<Environment>) -> Self {
        Self {
            env,
            limit: ConcurrencyLimit::new(
                MAX_CONCURRENT,
                "Many pictures are being stored or fetched at the moment.",
            ),
        }
    }

    /// Whether new images are stored. Those stored before stay until their analysis is deleted.
    pub fn are_stored(&self) -> bool {
        self.env.config.screenshots.keep
    }

    /// Encrypts an image for storing it with its analysis.
    pub async fn seal(&self, analysis_id: &AnalysisId, picture: &Picture) -> Result<Vec<u8>, ServiceError> {
        let (env, context, bytes) = (Arc::clone(&self.env), context(analysis_id), picture.bytes().clone());
        Ok(self.limit.run(move || env.vault.seal(&context, &bytes, env.random.as_ref())).await??)
    }

    /// The image of the account's analysis, if it was stored.
    pub async fn of(
        &self,
        account_id: &AccountId,
        analysis_id: &AnalysisId,
    ) -> Result<Option<StoredScreenshot>, ServiceError> {
        // Held while reading too, since the permit bounds the memory of both.
        let permit = self.limit.acquire().await?;
        let mut tx = self.env.store.read().await?;
        let Some(sealed) = tx.analyses().screenshot(account_id, analysis_id).await? else { return Ok(None) };
        drop(tx);
        let (env, context) = (Arc::clone(&self.env), context(analysis_id));
        let mut opened =
            permit.run(move || env.vault.open(&context, &sealed)).await.map_err(Failure::Task)??;
        let bytes = std::mem::take(&mut *opened);
        // Detected by content, as at the upload: only these formats are ever stored.
        let format = MediaType::of(&bytes).ok_or(Failure::Other("a stored screenshot is not an image"))?;
        Ok(Some(StoredScreenshot { media_type: format.as_str(), bytes }))
    }
}
