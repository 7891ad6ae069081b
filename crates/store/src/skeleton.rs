//! How addresses look, and which look alike.

use domain::access::skeleton::{self, Skeleton};
use domain::access::{AddressNote, EmailAddress};

use crate::query::{execute, fetch_all};
use crate::{Addresses, StoreError};

/// How many look-alikes of one address are named.
const MOST_NAMED: i64 = 3;

impl Addresses<'_> {
    /// Remembers how an address looks. Whatever stores an address calls it.
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
            Skeleton::rules()
        )?;
        Ok(())
    }

    /// Addresses whose look is not known by the present rules: those stored by a former version of the server.
    pub async fn without_skeleton(&mut self, limit: i64) -> Result<Vec<String>, StoreError> {
        let rows: Vec<(String,)> = fetch_all!(
            self.0,
            (String,),
            "SELECT email FROM (SELECT email FROM account UNION SELECT email FROM access_request) AS known
             WHERE NOT EXISTS (SELECT 1 FROM address_look l WHERE l.email = known.email AND l.rules = $1) LIMIT $2",
            Skeleton::rules(),
            limit
        )?;
        Ok(rows.into_iter().map(|(email,)| email).collect())
    }

    /// Whether an address has an account, and what an administrator should know about it before trusting it. One
    /// statement, since a list asks it for every row.
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
                ITSELF => known = true,
                WITH_ACCOUNT | WITHOUT_ACCOUNT => {
                    let Ok(other) = text.parse::<EmailAddress>() else { continue };
                    names_domain |= skeleton::parts(&other).1 != domain;
                    notes.push(skeleton::alike(email, other, kind == WITH_ACCOUNT));
                }
                // Told once, and not beside an address that shows it.
                _ if names_domain => {}
                _ => {
                    names_domain = true;
                    notes.push(AddressNote::LikeDomain { domain: text });
                }
            }
        }
        Ok((known, notes))
    }
}

/// What a row of [`about_address`] is about: the address' own account, an address that looks like it, or (any other
/// number) a domain that looks like its own.
const ITSELF: i64 = 0;
const WITH_ACCOUNT: i64 = 1;
const WITHOUT_ACCOUNT: i64 = 2;

/// Two ranges of domains, so that an index leads past the many addresses of the same domain.
fn about_address() -> String {
    let domain = "SELECT o.domain FROM address_look o JOIN account a ON a.email = o.email
         WHERE o.domain_look = $3 AND o.domain";
    format!(
        "SELECT CAST({ITSELF} AS BIGINT) AS kind, email AS found FROM account WHERE email = $1
         UNION ALL SELECT kind, found FROM (
             SELECT CAST(CASE WHEN a.id IS NULL THEN {WITHOUT_ACCOUNT} ELSE {WITH_ACCOUNT} END AS BIGINT) AS kind,
                 o.email AS found
             FROM address_look o LEFT JOIN account a ON a.email = o.email WHERE o.look = $2 AND o.email <> $1
             ORDER BY kind, o.email LIMIT {MOST_NAMED}) AS alike
         UNION ALL SELECT CAST(9 AS BIGINT), domain FROM ({domain} < $4 LIMIT 1) AS below
         UNION ALL SELECT CAST(9 AS BIGINT), domain FROM ({domain} > $4 LIMIT 1) AS above"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;

    #[tokio::test]
    async fn look_alikes_are_found_along_an_index() {
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
