//! What an account remembers of sign-ins: the networks of its person, and wrong codes.

use domain::id::AccountId;

use crate::query::{execute, fetch_number, fetch_optional};
use crate::{Accounts, StoreError};

impl Accounts<'_> {
    /// Whether somebody has signed in from here. `network`: a keyed hash over the address of the account and the network.
    pub async fn knows_network(&mut self, network: &[u8], now: i64) -> Result<bool, StoreError> {
        let sql = "SELECT COUNT(*) FROM known_network WHERE network_hash = $1 AND expires_at > $2";
        Ok(fetch_number!(self.0, sql, network, now)? > 0)
    }

    /// Records a network of an account's person, which stays known until `until`.
    pub async fn remember_network(
        &mut self,
        account_id: &AccountId,
        network: &[u8],
        until: i64,
    ) -> Result<(), StoreError> {
        execute!(
            self.0,
            "INSERT INTO known_network (network_hash, account_id, expires_at) VALUES ($1, $2, $3)
             ON CONFLICT (network_hash) DO UPDATE SET account_id = $2, expires_at = $3",
            network,
            account_id.as_str(),
            until
        )?;
        Ok(())
    }

    /// Records that an account's person has signed in. Wrong codes are counted from here on.
    pub async fn record_sign_in(&mut self, account_id: &AccountId, now: i64) -> Result<(), StoreError> {
        let sql = "UPDATE account SET last_sign_in_at = $1, wrong_codes = 0 WHERE id = $2";
        execute!(self.0, sql, now, account_id.as_str())?;
        Ok(())
    }

    /// Counts a wrong code after a right password. Returns how many there were since the last sign-in.
    pub async fn count_wrong_code(&mut self, account_id: &AccountId) -> Result<i64, StoreError> {
        let row: Option<(i64,)> = fetch_optional!(
            self.0,
            (i64,),
            "UPDATE account SET wrong_codes = wrong_codes + 1 WHERE id = $1 RETURNING wrong_codes",
            account_id.as_str()
        )?;
        Ok(row.map_or(0, |(count,)| count))
    }

    /// Whether this TOTP time step or a later one was used before.
    pub async fn is_totp_step_used(&mut self, account_id: &AccountId, step: i64) -> Result<bool, StoreError> {
        let sql = "SELECT COUNT(*) FROM account WHERE id = $1 AND totp_last_step >= $2";
        Ok(fetch_number!(self.0, sql, account_id.as_str(), step)? > 0)
    }

    /// Deletes networks and shown recovery codes that expired before `now`.
    pub async fn clean_up(&mut self, now: i64) -> Result<(), StoreError> {
        execute!(self.0, "DELETE FROM known_network WHERE expires_at <= $1", now)?;
        execute!(self.0, "DELETE FROM shown_recovery_codes WHERE expires_at <= $1", now)?;
        Ok(())
    }
}
