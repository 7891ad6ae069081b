//! Recovery codes: the hashes, and for a while the codes that their person has not yet saved.

use domain::id::AccountId;
use domain::secret::TokenHash;

use crate::query::{execute, fetch_number, fetch_optional};
use crate::{Accounts, StoreError, parsed};

impl Accounts<'_> {
    /// Replaces the hashes of all recovery codes.
    pub async fn set_recovery_codes(
        &mut self,
        account_id: &AccountId,
        hashes: &[Vec<u8>],
    ) -> Result<(), StoreError> {
        execute!(self.0, "DELETE FROM recovery_code WHERE account_id = $1", account_id.as_str())?;
        for hash in hashes {
            execute!(
                self.0,
                "INSERT INTO recovery_code (account_id, code_hash) VALUES ($1, $2)",
                account_id.as_str(),
                hash.as_slice()
            )?;
        }
        Ok(())
    }

    /// Uses up a recovery code; `false` if there is no such code, or it was used before.
    pub async fn consume_recovery_code(
        &mut self,
        account_id: &AccountId,
        hash: &[u8],
        now: i64,
    ) -> Result<bool, StoreError> {
        let changed = execute!(
            self.0,
            "UPDATE recovery_code SET used_at = $1 WHERE account_id = $2 AND code_hash = $3 AND used_at IS NULL",
            now,
            account_id.as_str(),
            hash
        )?;
        Ok(changed == 1)
    }

    /// How many recovery codes are left.
    pub async fn count_recovery_codes(&mut self, account_id: &AccountId) -> Result<u64, StoreError> {
        let sql = "SELECT COUNT(*) FROM recovery_code WHERE account_id = $1 AND used_at IS NULL";
        Ok(fetch_number!(self.0, sql, account_id.as_str())?.unsigned_abs())
    }

    /// Keeps sealed recovery codes for the browser that set the account up with this link.
    pub async fn keep_shown_codes(
        &mut self,
        browser: &TokenHash,
        setup: &TokenHash,
        account_id: &AccountId,
        codes_sealed: &[u8],
        expires_at: i64,
    ) -> Result<(), StoreError> {
        execute!(
            self.0,
            "INSERT INTO shown_recovery_codes (browser_hash, setup_hash, account_id, codes_sealed, expires_at)
             VALUES ($1, $2, $3, $4, $5)",
            browser.0.as_slice(),
            setup.0.as_slice(),
            account_id.as_str(),
            codes_sealed,
            expires_at
        )?;
        Ok(())
    }

    /// What [`Self::keep_shown_codes`] kept for this browser and link, with the account.
    pub async fn find_shown_codes(
        &mut self,
        browser: &TokenHash,
        setup: &TokenHash,
        now: i64,
    ) -> Result<Option<(AccountId, Vec<u8>)>, StoreError> {
        let row = fetch_optional!(
            self.0,
            (String, Vec<u8>),
            "SELECT account_id, codes_sealed FROM shown_recovery_codes
             WHERE browser_hash = $1 AND setup_hash = $2 AND expires_at > $3",
            browser.0.as_slice(),
            setup.0.as_slice(),
            now
        )?;
        row.map(|(id, sealed)| Ok((parsed("shown_recovery_codes", id)?, sealed))).transpose()
    }

    /// Deletes what was kept for this browser.
    pub async fn forget_shown_codes(&mut self, browser: &TokenHash) -> Result<(), StoreError> {
        let sql = "DELETE FROM shown_recovery_codes WHERE browser_hash = $1";
        execute!(self.0, sql, browser.0.as_slice())?;
        Ok(())
    }

    /// Deletes what was kept for an account, such as before it gets other codes.
    pub async fn forget_shown_codes_of(&mut self, account_id: &AccountId) -> Result<(), StoreError> {
        execute!(self.0, "DELETE FROM shown_recovery_codes WHERE account_id = $1", account_id.as_str())?;
        Ok(())
    }
}
