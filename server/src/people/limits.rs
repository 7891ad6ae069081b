//! Limits on guessing passwords and codes.
//!
//! A network has few tries per account, and more in all, so that the people of one office do not stop each other. The panel,
//! machines and codes count apart. All networks from which an account's person has not signed in share a budget per account
//! whose delay grows; those from which they have are spared, so that an attacker elsewhere cannot keep the owner out. A
//! machine proves its owner with its certificate and needs no budget of networks.

use std::net::IpAddr;
use std::time::Duration;

use domain::account::Account;
use protocol::access::EmailAddress;
use protocol::{Problem, ServiceError};
use web::{Network, Rule};

use super::People;
use super::sign_in::Origin;

/// How many times the tries for one account a network has for all of them.
const NETWORK_FACTOR: u32 = 6;
/// TOTP codes per account and network, and from all unknown networks, in a quarter of an hour: only somebody who knows the
/// password gets that far.
const CODES_PER_QUARTER: u32 = 15;
const CODES_PER_DAY: u32 = 60;
const QUARTER: Duration = Duration::from_mins(15);
/// For how long a network stays known after a sign-in from it, in seconds.
pub(super) const NETWORK_KNOWN: i64 = 90 * 24 * 3600;
const DAY: Duration = Duration::from_hours(24);

impl People {
    /// Counts a try at a password.
    pub(super) async fn check_password_rate(
        &self,
        email: Option<&EmailAddress>,
        origin: &Origin,
    ) -> Result<(), ServiceError> {
        let limits = &self.env.config.limits;
        let (per_minute, per_hour) = (limits.sign_in_per_minute, limits.sign_in_per_account_and_hour);
        let in_all = per_minute.saturating_mul(NETWORK_FACTOR);
        let Some(machine) = &origin.machine else {
            self.limits.check_address(Rule::per_minute("sign-in-panel", in_all), origin.address).await?;
            let Some(email) = email else { return Ok(()) };
            let key = format!("{email}|{}", network(origin.address));
            self.limits.check_key(Rule::per_minute("sign-in-account-minute", per_minute), &key).await?;
            self.limits.check_key(Rule::per_hour("sign-in-account", per_hour), &key).await?;
            return self.check_account_budget(email, per_hour, origin).await;
        };
        self.limits.check_address(Rule::per_minute("sign-in-machine", in_all), origin.address).await?;
        let key = &machine.fingerprint;
        self.limits.check_key(Rule::per_minute("sign-in-one-machine", per_minute), key).await?;
        Ok(self.limits.check_key(Rule::per_hour("sign-in-one-machine-hour", per_hour), key).await?)
    }

    /// The budget of all unknown networks: a burst, then a try every few minutes, then one every quarter of an hour or so.
    async fn check_account_budget(
        &self,
        email: &EmailAddress,
        per_hour: u32,
        origin: &Origin,
    ) -> Result<(), ServiceError> {
        if self.is_known_network(email, origin.address).await? {
            return Ok(());
        }
        let key = email.as_str();
        self.limits.check_key(Rule::per_hour("sign-in-budget-hour", per_hour.div_ceil(5)), key).await?;
        Ok(self.limits.check_key(Rule::new("sign-in-budget-day", per_hour, DAY), key).await?)
    }

    /// Counts a try at any code.
    pub(super) async fn check_code_rate(&self, origin: &Origin) -> Result<(), Problem> {
        let in_all = self.env.config.limits.sign_in_per_minute.saturating_mul(NETWORK_FACTOR);
        let rule = if origin.machine.is_some() { "code-machine" } else { "code-panel" };
        self.limits.check_address(Rule::per_minute(rule, in_all), origin.address).await
    }

    /// Counts a try at a TOTP code after a right password.
    pub(super) async fn check_totp_budget(
        &self,
        account: &Account,
        origin: &Origin,
    ) -> Result<(), ServiceError> {
        let id = &account.id;
        let place = match &origin.machine {
            Some(machine) => machine.fingerprint.clone(),
            None => network(origin.address).to_string(),
        };
        let here = Rule::new("second-factor", CODES_PER_QUARTER, QUARTER);
        self.limits.check_key(here, &format!("{id}|{place}")).await?;
        if origin.machine.is_some() || self.is_known_network(&account.email, origin.address).await? {
            return Ok(());
        }
        let elsewhere = Rule::new("second-factor-elsewhere", CODES_PER_QUARTER, QUARTER);
        self.limits.check_key(elsewhere, id.as_str()).await?;
        let day = Rule::new("second-factor-day", CODES_PER_DAY, DAY);
        Ok(self.limits.check_key(day, id.as_str()).await?)
    }

    async fn is_known_network(&self, email: &EmailAddress, address: IpAddr) -> Result<bool, ServiceError> {
        let hash = self.network_hash(email, address);
        Ok(self.env.store.read().await?.accounts().knows_network(&hash, self.env.now()).await?)
    }

    /// What is stored of a network from which somebody signed in: a keyed hash, which tells nobody where they were.
    pub(super) fn network_hash(&self, email: &EmailAddress, address: IpAddr) -> Vec<u8> {
        self.env.vault.derive(&format!("known-network:{email}:{}", network(address))).to_vec()
    }
}

/// What counts as one network of a person: an IPv4 address, and what a provider assigns to one household (RFC 6177).
pub(super) fn network(address: IpAddr) -> Network {
    let address = address.to_canonical();
    Network::containing(address, if address.is_ipv4() { 32 } else { 56 })
}
