//! Skeletons of e-mail addresses (UTS #39), by which confusable ones are found.

use domain::access::skeleton::{self, Skeleton};
use domain::access::{AddressNote, EmailAddress};

use crate::query::{Value, execute, fetch_all, fetch_all_with};
use crate::{Addresses, StoreError};

/// How many confusable addresses are listed for one address.
const MAX_CONFUSABLES: i64 = 3;

impl Addresses<'_> {
    /// Stores the skeleton of an address. To be called by whatever stores an address.
    pub async fn put_skeleton(&mut self, email: &EmailAddress) -> Result<(), StoreError> {
        let skeleton = Skeleton::of(email);
        execute!(
            self.0,
            "INSERT INTO address_look (email, domain, look, domain_look, rules) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (email) DO UPDATE SET look = $3, domain_look = $4, rules = $5",
            email.as_str(),
            skeleton::parts(email).1,
            skeleton.address,
            skeleton.domain,
            Skeleton::rules_version()
        )?;
        Ok(())
    }

    /// Addresses without a skeleton of the present rules, stored by an older version of the server. At most `limit`.
    pub async fn without_skeleton(&mut self, limit: i64) -> Result<Vec<String>, StoreError> {
        let rows: Vec<(String,)> = fetch_all!(
            self.0,
            (String,),
            "SELECT email FROM (SELECT email FROM account UNION SELECT email FROM access_request) AS known
             WHERE NOT EXISTS (SELECT 1 FROM address_look l WHERE l.email = known.email AND l.rules = $1) LIMIT $2",
            Skeleton::rules_version(),
            limit
        )?;
        Ok(rows.into_iter().map(|(email,)| email).collect())
    }

    /// Whether an address has an account, and the notes for administrators about it. A single statement, since lists need
    /// it for every row.
    pub async fn about(&mut self, email: &EmailAddress) -> Result<(bool, Vec<AddressNote>), StoreError> {
        let (skeleton, domain) = (Skeleton::of(email), skeleton::parts(email).1);
        let found: Vec<(i64, String)> = fetch_all!(
            self.0,
            (i64, String),
            &about_address(),
            email.as_str(),
            skeleton.address.as_str(),
            skeleton.domain.as_str(),
            domain
        )?;
        let mut known = false;
        let mut notes: Vec<_> = skeleton::domain_note(email).into_iter().collect();
        let mut names_domain = false;
        for (kind, text) in found {
            match kind {
                OWN_ACCOUNT => known = true,
                OWN_DISABLED_ACCOUNT => {
                    known = true;
                    notes.push(AddressNote::AccountDisabled);
                }
                WITH_ACCOUNT | WITHOUT_ACCOUNT => {
                    let Ok(other) = text.parse::<EmailAddress>() else { continue };
                    names_domain |= skeleton::parts(&other).1 != domain;
                    notes.push(skeleton::similar_address_note(email, other, kind == WITH_ACCOUNT));
                }
                // Only one note per domain, and none beside an address of that domain.
                _ if names_domain => {}
                _ => {
                    names_domain = true;
                    notes.push(AddressNote::LikeDomain { domain: text });
                }
            }
        }
        if !names_domain && let Some(domain) = self.contained_domain(email).await? {
            notes.push(AddressNote::LikeDomain { domain });
        }
        Ok((known, notes))
    }

    /// The domain of an account that this address's domain contains without being part of it. Most domains can contain none,
    /// and need no statement.
    async fn contained_domain(&mut self, email: &EmailAddress) -> Result<Option<String>, StoreError> {
        let contained = skeleton::contained_domains(email);
        if contained.is_empty() {
            return Ok(None);
        }
        let places: Vec<_> = (2..contained.len() + 2).map(|number| format!("${number}")).collect();
        let sql = format!(
            "SELECT o.domain FROM address_look o JOIN account a ON a.email = o.email
             WHERE o.domain <> $1 AND o.domain_look IN ({}) ORDER BY o.domain LIMIT 1",
            places.join(", ")
        );
        let own = Value::Text(skeleton::parts(email).1.to_owned());
        let values: Vec<_> = std::iter::once(own).chain(contained.into_iter().map(Value::Text)).collect();
        let found: Vec<(String,)> = fetch_all_with!(self.0, (String,), &sql, &values)?;
        Ok(found.into_iter().next().map(|(domain,)| domain))
    }
}

/// The kinds of rows of [`about_address`]: the address's own account, likewise if it is disabled, or a confusable address with
/// or without an account. Any other number is a confusable domain.
const OWN_ACCOUNT: i64 = 0;
const WITH_ACCOUNT: i64 = 1;
const WITHOUT_ACCOUNT: i64 = 2;
const OWN_DISABLED_ACCOUNT: i64 = 3;

/// Confusable domains are searched in two ranges, below and above the address's own, so that the index skips the many
/// addresses of that domain.
fn about_address() -> String {
    let domain = "SELECT o.domain FROM address_look o JOIN account a ON a.email = o.email
         WHERE o.domain_look = $3 AND o.domain";
    format!(
        "SELECT CAST(CASE WHEN state = 'disabled' THEN {OWN_DISABLED_ACCOUNT} ELSE {OWN_ACCOUNT} END AS BIGINT) AS kind,
             email AS found FROM account WHERE email = $1
         UNION ALL SELECT kind, found FROM (
             SELECT CAST(CASE WHEN a.id IS NULL THEN {WITHOUT_ACCOUNT} ELSE {WITH_ACCOUNT} END AS BIGINT) AS kind,
                 o.email AS found
             FROM address_look o LEFT JOIN account a ON a.email = o.email WHERE o.look = $2 AND o.email <> $1
             ORDER BY kind, o.email LIMIT {MAX_CONFUSABLES}) AS alike
         UNION ALL SELECT CAST(9 AS BIGINT), domain FROM ({domain} < $4 LIMIT 1) AS below
         UNION ALL SELECT CAST(9 AS BIGINT), domain FROM ({domain} > $4 LIMIT 1) AS above"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;

    #[tokio::test]
    async fn confusable_addresses_are_found_by_an_index() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_sqlite(&folder.path().join("plan.db")).await.unwrap();
        let mut tx = store.read().await.unwrap();
        let sql = format!("EXPLAIN QUERY PLAN {}", about_address());
        let plan: Vec<(i64, i64, i64, String)> =
            fetch_all!(&mut tx, (i64, i64, i64, String), &sql, "a@b.c", "a@b.c", "b.c", "b.c").unwrap();
        let tables: Vec<_> = plan.iter().map(|(.., line)| line).filter(|l| l.contains("SEARCH")).collect();
        assert!(tables.len() >= 6, "{plan:#?}");
        assert!(tables.iter().all(|line| line.contains("INDEX")), "{plan:#?}");
        let scans = plan.iter().filter(|(.., line)| line.starts_with("SCAN"));
        assert!(
            scans
                .clone()
                .all(|(.., line)| ["alike", "below", "above"].iter().any(|name| line.contains(name))),
            "{plan:#?}"
        );
    }
}
