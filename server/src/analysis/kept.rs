//! Pictures that are kept with their analyses (`screenshots.keep`): sealed with the data key, each for its own analysis.
//!
//! Each is a row beside its analysis rather than a file in the data folder: it is written in the same transaction, goes
//! with it, is part of the database's backup, and is there for every server that shares the database.

use std::sync::Arc;

use ::analysis::Picture;
use ::analysis::picture::Format;

use crate::environment::Environment;
use crate::failure::{Failure, Refusal};
use crate::turns::Turns;

/// Pictures that are sealed or opened at once. Each takes up to three times its size meanwhile, 60 MB.
const AT_ONCE: usize = 2;

/// What a picture is sealed for.
fn context(analysis_id: &str) -> String {
    format!("analysis.picture:{analysis_id}")
}

/// A picture as it was sent.
#[derive(Debug)]
pub struct KeptPicture {
    pub media_type: &'static str,
    pub bytes: Vec<u8>,
}

#[derive(Debug, Clone)]
pub struct KeptPictures {
    env: Arc<Environment>,
    turns: Turns,
}

impl KeptPictures {
    pub fn new(env: Arc<Environment>) -> Self {
        Self { env, turns: Turns::new(AT_ONCE, "Many pictures are being stored or fetched at the moment.") }
    }

    /// Whether pictures are kept from now on. What was kept before stays until its analysis is deleted.
    pub fn keep(&self) -> bool {
        self.env.config.screenshots.keep
    }

    /// The picture as it is stored with its analysis.
    pub async fn seal(&self, analysis_id: &str, picture: &Picture) -> Result<Vec<u8>, Refusal> {
        let (env, context, bytes) = (Arc::clone(&self.env), context(analysis_id), picture.bytes().clone());
        Ok(self.turns.run(move || env.vault.seal(&context, &bytes, env.random.as_ref())).await??)
    }

    /// The picture of one's own analysis, if there is one.
    pub async fn of(&self, account_id: &str, analysis_id: &str) -> Result<Option<KeptPicture>, Refusal> {
        // Fetched within the turn too: it bounds the memory of both.
        let turn = self.turns.take().await?;
        let mut tx = self.env.store.read().await?;
        let Some(sealed) = tx.kept_picture_of(account_id, analysis_id).await? else { return Ok(None) };
        drop(tx);
        let (env, context) = (Arc::clone(&self.env), context(analysis_id));
        let mut opened = turn.run(move || env.vault.open(&context, &sealed)).await??;
        let bytes = std::mem::take(&mut *opened);
        // By its content, as when it was taken in: nothing else than these formats was ever stored.
        let format = Format::of(&bytes).ok_or(Failure::Other("a kept picture is no picture"))?;
        Ok(Some(KeptPicture { media_type: format.mime(), bytes }))
    }
}
