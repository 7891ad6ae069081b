//! Who did what to a request and when: from the audit log, and from expiries that the log does not have yet.

use domain::access::{AccessRequest, State};
use domain::audit::{Action, SubjectEntry};
use protocol::access::RequestState;
use protocol::review::{HistoryEntry, RequestEvent};

pub(super) fn history(request: &AccessRequest, entries: Vec<SubjectEntry>, now: i64) -> Vec<HistoryEntry> {
    let mut history: Vec<_> = entries.into_iter().filter_map(|entry| history_entry(request, entry)).collect();
    if request.state_at(now) == RequestState::Expired {
        let what = match request.state {
            State::Pending { .. } => RequestEvent::Expired,
            _ => RequestEvent::LinkEnded,
        };
        if let Some(at) = request.expires_at()
            // The log may have recorded it already.
            && !history.iter().any(|entry| entry.what == what && entry.at == at)
        {
            history.push(HistoryEntry { at, what, by: None, detail: String::new() });
        }
    }
    // A stable sort: events of the same second stay in the log's order.
    history.sort_by_key(|entry| entry.at);
    history
}

/// An audit entry as an entry of the request's history; `None` when it is about something else.
fn history_entry(request: &AccessRequest, entry: SubjectEntry) -> Option<HistoryEntry> {
    let what = match entry.action? {
        Action::AccessRequestApproved => RequestEvent::Approved,
        Action::AccessRequestExpired => RequestEvent::Expired,
        Action::AccessRequestRejected => RequestEvent::Rejected,
        Action::AccessRequestReminded => RequestEvent::Reminded,
        Action::AccessRequestSubmitted => RequestEvent::Asked,
        Action::LinkRequested => RequestEvent::LinkAsked,
        Action::LinkDeclined => RequestEvent::LinkDeclined,
        Action::LinkEnded => RequestEvent::LinkEnded,
        Action::LinkRedeemed => RequestEvent::Fetched,
        Action::LinkReissued => RequestEvent::LinkSent,
        Action::LinkWrongCode => RequestEvent::WrongCode,
        _ => return None,
    };
    // The job audits an expiry when it notifies the requester, which may be later than the expiry itself. Of earlier links
    // only the audited time is known.
    let is_end = matches!(what, RequestEvent::Expired | RequestEvent::LinkEnded);
    let end = request.expires_at().filter(|end| is_end && *end <= entry.at);
    Some(HistoryEntry { at: end.unwrap_or(entry.at), what, by: entry.email, detail: entry.detail })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::tests::pending;

    fn entry(at: i64, action: impl Into<Option<Action>>, email: Option<&str>) -> SubjectEntry {
        SubjectEntry { at, action: action.into(), detail: String::new(), email: email.map(str::to_owned) }
    }

    fn events(request: &AccessRequest, entries: Vec<SubjectEntry>, now: i64) -> Vec<(i64, RequestEvent)> {
        history(request, entries, now).into_iter().map(|e| (e.at, e.what)).collect()
    }

    #[test]
    fn the_expiry_is_listed_before_and_after_it_is_audited() {
        let asked = || entry(0, Action::AccessRequestSubmitted, None);
        let whole = [(0, RequestEvent::Asked), (100, RequestEvent::Expired)];
        assert_eq!(events(&pending(), vec![asked()], 99), whole[..1]);
        assert_eq!(events(&pending(), vec![asked()], 100), whole);
        let audited = vec![asked(), entry(117, Action::AccessRequestExpired, None)];
        assert_eq!(events(&pending(), audited, 120), whole, "once, with the time of the expiry");
    }

    #[test]
    fn an_unused_link_expires_and_unrelated_entries_are_left_out() {
        let approved = pending().approve("ada@example.org", 10, 50).unwrap();
        let entries = vec![
            entry(0, Action::AccessRequestSubmitted, None),
            entry(10, Action::AccessRequestApproved, Some("ada@example.org")),
            entry(11, None, None),
        ];
        let history = history(&approved, entries, 60);
        assert_eq!(history.len(), 3);
        assert_eq!(history[1].by.as_deref(), Some("ada@example.org"));
        assert_eq!((history[2].at, history[2].what), (50, RequestEvent::LinkEnded));
    }

    #[test]
    fn each_expired_link_is_listed_once() {
        let second = pending().approve("ada@example.org", 10, 150).unwrap();
        let entries = || {
            vec![
                entry(10, Action::AccessRequestApproved, Some("ada@example.org")),
                entry(60, Action::LinkEnded, None),
                entry(100, Action::LinkReissued, Some("ada@example.org")),
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
        let audited = [entries(), vec![entry(170, Action::LinkEnded, None)]].concat();
        assert_eq!(events(&second, audited, 180), whole, "once, with the time of the expiry");
    }
}
