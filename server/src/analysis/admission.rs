//! Who may send a picture now. It is decided before the picture is received, since pictures take the most memory and time of
//! all that a client can send.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use domain::id::AccountId;
use parking_lot::Mutex;
use protocol::Problem;
use web::documented_errors::DocumentedErrors;
use web::{BudgetExhausted, ByteBudget, Reservation};

/// How many pictures of the largest size may be in memory per running analysis. Most pictures are far smaller.
const LARGEST_PER_ANALYSIS: usize = 2;
/// In seconds.
const RETRY_AFTER: u64 = 5;

/// Counts the analyses of each person, and the bytes of all pictures.
#[derive(Debug)]
pub(super) struct Admissions {
    per_person: usize,
    running: Mutex<HashMap<AccountId, usize>>,
    pictures: ByteBudget<()>,
}

/// The permission for one analysis, from its upload to its end. It also counts the picture's bytes.
#[derive(Debug)]
pub struct Admission {
    admissions: Arc<Admissions>,
    account_id: AccountId,
    picture: Reservation<()>,
}

impl Admissions {
    /// `per_person`: concurrent analyses of one account. `analyses`: of all. `largest_picture`: in bytes.
    pub fn new(per_person: usize, analyses: usize, largest_picture: usize) -> Arc<Self> {
        let bytes = analyses.max(1).saturating_mul(LARGEST_PER_ANALYSIS).saturating_mul(largest_picture);
        let pictures = ByteBudget::new(bytes, bytes);
        Arc::new(Self { per_person: per_person.max(1), running: Mutex::default(), pictures })
    }

    /// 429 if the person has too many analyses already.
    pub fn admit(self: &Arc<Self>, account_id: &AccountId) -> Result<Admission, Problem> {
        let mut running = self.running.lock();
        let count = running.entry(account_id.clone()).or_default();
        if *count >= self.per_person {
            return Err(too_many());
        }
        *count += 1;
        drop(running);
        Ok(Admission {
            admissions: Arc::clone(self),
            account_id: account_id.clone(),
            picture: self.pictures.reservation(()),
        })
    }
}

impl Admission {
    /// Counts more of the picture. 503 if the pictures of all take too much memory.
    pub fn receive(&mut self, piece: &Bytes) -> Result<(), Problem> {
        self.picture.grow(piece.len()).map_err(|BudgetExhausted| {
            Problem::unavailable("Many pictures are being sent at the moment.", RETRY_AFTER)
        })
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut running = self.admissions.running.lock();
        if let Some(count) = running.get_mut(&self.account_id) {
            *count -= 1;
            if *count == 0 {
                running.remove(&self.account_id);
            }
        }
    }
}

impl DocumentedErrors for Admission {
    fn problems() -> Vec<Problem> {
        vec![too_many()]
    }
}

fn too_many() -> Problem {
    let problem = Problem::too_many_requests(RETRY_AFTER);
    problem.detail("Your earlier questions are still being answered. Wait until one of them has ended.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_has_a_limit_of_their_own_and_pictures_one_in_all() {
        let admissions = Admissions::new(2, 1, 100);
        let id = |text: &str| text.parse::<AccountId>().unwrap();
        let mut first = admissions.admit(&id("anna")).unwrap();
        let mut second = admissions.admit(&id("anna")).unwrap();
        let problem = admissions.admit(&id("anna")).unwrap_err();
        assert_eq!((problem.status, problem.retry_after), (429, Some(RETRY_AFTER)));
        let mut other = admissions.admit(&id("ben")).unwrap();

        let piece = Bytes::from(vec![0; 100]);
        first.receive(&piece).unwrap();
        second.receive(&piece).unwrap();
        let problem = other.receive(&piece).unwrap_err();
        assert_eq!((problem.status, problem.retry_after), (503, Some(RETRY_AFTER)));
        drop(first);
        other.receive(&piece).unwrap();
        admissions.admit(&id("anna")).unwrap();
        drop((second, other));
        assert!(admissions.running.lock().is_empty());
    }
}
