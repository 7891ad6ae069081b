//! Who did what to a request and when, from the audit log and from what time alone has done.

use protocol::Problem;
use protocol::access::RequestState;
use protocol::review::{HistoryEntry, RequestDetail, RequestEvent};

use super::{Access, AccessRequest, State};
use crate::failure::Refusal;
use crate::store::SubjectEntry;

/// How many entries of a request are shown; there are seldom more than a dozen.
const MOST_ENTRIES: i64 = 200;

impl Access {
    pub(super) async fn find_request(&self, id: &str) -> Result<RequestDetail, Refusal> {
        let now = self.env.now();
        let mut tx = self.env.store.read().await?;
        let request = tx.access_request(id).await?.ok_or_else(Problem::not_found)?;
        let history = history(&request, tx.audit_entries_of(id, MOST_ENTRIES).await?, now);
        let request = tx.access_request_row(request, now, self.env.config.access.max_links).await?;
        Ok(RequestDetail { request, history })
    }
}

fn history(request: &AccessRequest, entries: Vec<SubjectEntry>, now: i64) -> Vec<HistoryEntry> {
    let mut history: Vec<_> = entries.into_iter().filter_map(|entry| told(request, entry)).collect();
    if request.state_at(now) == RequestState::Expired {
        let what = match request.state {
            State::Pending { .. } => RequestEvent::Expired,
            _ => RequestEvent::LinkEnded,
        };
        if let Some(at) = request.expires_at()
            // The log may already tell of it, or not yet.
            && !history.iter().any(|entry| entry.what == what && entry.at == at)
        {
            history.push(HistoryEntry { at, what, by: None, detail: String::new() });
        }
    }
    // Stable: what happened in one second stays in the log's order.
    history.sort_by_key(|entry| entry.at);
    history
}

/// An entry of the log as a request's history has it; `None`: it is about something else.
fn told(request: &AccessRequest, entry: SubjectEntry) -> Option<HistoryEntry> {
    let what = match entry.action.as_str() {
        "access-request.approved" => RequestEvent::Approved,
        "access-request.expired" => RequestEvent::Expired,
        "access-request.rejected" => RequestEvent::Rejected,
        "access-request.reminded" => RequestEvent::Reminded,
        "access-request.submitted" => RequestEvent::Asked,
        "download-link.asked" => RequestEvent::LinkAsked,
        "download-link.declined" => RequestEvent::LinkDeclined,
        "download-link.ended" => RequestEvent::LinkEnded,
        "download-link.redeemed" => RequestEvent::Fetched,
        "download-link.sent-again" => RequestEvent::LinkSent,
        "download-link.wrong-code" => RequestEvent::WrongCode,
        _ => return None,
    };
    // An end is written down when the requester is told, which may be later. A link before the present one has no end here.
    let is_end = matches!(what, RequestEvent::Expired | RequestEvent::LinkEnded);
    let end = request.expires_at().filter(|end| is_end && *end <= entry.at);
    Some(HistoryEntry { at: end.unwrap_or(entry.at), what, by: entry.email, detail: entry.detail })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::pending;

    fn entry(at: i64, action: &str, email: Option<&str>) -> SubjectEntry {
        SubjectEntry { at, action: action.into(), detail: String::new(), email: email.map(str::to_owned) }
    }

    fn events(request: &AccessRequest, entries: Vec<SubjectEntry>, now: i64) -> Vec<(i64, RequestEvent)> {
        history(request, entries, now).into_iter().map(|e| (e.at, e.what)).collect()
    }

    #[test]
    fn the_end_is_told_before_and_after_the_log_has_it() {
        let asked = || entry(0, "access-request.submitted", None);
        let whole = [(0, RequestEvent::Asked), (100, RequestEvent::Expired)];
        assert_eq!(events(&pending(), vec![asked()], 99), whole[..1]);
        assert_eq!(events(&pending(), vec![asked()], 100), whole);
        let told = vec![asked(), entry(117, "access-request.expired", None)];
        assert_eq!(events(&pending(), told, 120), whole, "once, and when it was");
    }

    #[test]
    fn an_unused_link_ends_and_others_actions_are_left_out() {
        let approved = pending().approve("ada@example.org", 10, 50).unwrap();
        let entries = vec![
            entry(0, "access-request.submitted", None),
            entry(10, "access-request.approved", Some("ada@example.org")),
            entry(11, "something.else", None),
        ];
        let history = history(&approved, entries, 60);
        assert_eq!(history.len(), 3);
        assert_eq!(history[1].by.as_deref(), Some("ada@example.org"));
        assert_eq!((history[2].at, history[2].what), (50, RequestEvent::LinkEnded));
    }

    #[test]
    fn each_link_that_ended_is_told_once() {
        let second = pending().approve("ada@example.org", 10, 150).unwrap();
        let entries = || {
            vec![
                entry(10, "access-request.approved", Some("ada@example.org")),
                entry(60, "download-link.ended", None),
                entry(100, "download-link.sent-again", Some("ada@example.org")),
            ]
        };
        let whole = [
            (10, RequestEvent::Approved),
            (60, RequestEvent::LinkEnded),
            (100, RequestEvent::LinkSent),
            (150, RequestEvent::LinkEnded),
        ];
        assert_eq!(events(&second, entries(), 149), whole[..3]);
        assert_eq!(events(&second, entries(), 160), whole);
        let told = [entries(), vec![entry(170, "download-link.ended", None)]].concat();
        assert_eq!(events(&second, told, 180), whole, "once, and when it was");
    }
}
