//! What pages say where there is no mail server, and on which host they are opened.

use super::fixture::{Who, open};

#[tokio::test]
async fn without_a_mail_server_nothing_is_mailed_and_nobody_looks_into_the_junk_folder() {
    let approved = "/admin/requests/4";
    let with = open(Who::Administrator, approved, "").await.body;
    assert!(with.contains("The link was mailed to the requester"));
    let without = open(Who::AdministratorWithoutMail, approved, "").await.body;
    assert!(!without.contains("mailed") && without.contains("copy the link for the requester from the"));

    let status = "/public/request-status/approved";
    let with = open(Who::Nobody, status, "").await.body;
    assert!(with.contains("Check your mail") && with.contains("junk folder"));
    let without = open(Who::NobodyWithoutMail, status, "").await.body;
    assert!(!without.contains("your mail") && !without.contains("junk"), "there is no mail to look for");
    assert!(without.contains("Your administrator will give you a link"));
    for path in ["/request-access", "/public/request-status/pending", "/public/download-certs/used"] {
        let page = open(Who::NobodyWithoutMail, path, "").await.body;
        for words in ["we mail you", "We’ll mail", "by mail", "in a mail"] {
            assert!(!page.contains(words), "{path} says {words:?}");
        }
    }
    let question = open(Who::AdministratorWithoutMail, "/admin/requests/1?ask=reject", "").await.body;
    assert!(question.contains("sees it on their status page.") && !question.contains("in a mail"));
    let outbox = open(Who::AdministratorWithoutMail, "/admin/outbox", "").await.body;
    assert!(outbox.contains("No mail server is connected. Copy each mail"));
}

#[tokio::test]
async fn the_match_code_stays_until_the_link_is_used() {
    for (state, shown) in [("pending", true), ("approved", true), ("redeemed", false), ("rejected", false)] {
        for who in [Who::Nobody, Who::NobodyWithoutMail] {
            let page = open(who, &format!("/public/request-status/{state}"), "").await.body;
            assert_eq!(page.contains("Your match code"), shown, "{state}");
            assert!(!shown || page.contains(">ABCD-2345<"), "{state}");
        }
    }
}

#[tokio::test]
async fn a_mail_sent_by_hand_can_be_shown_again_and_taken_back() {
    let page = open(Who::Administrator, "/admin/outbox?state=sent", "").await.body;
    assert!(page.contains("Hello again.") && page.contains("shown for 24 hours"));
    assert_eq!(
        page.matches("action=\"/app/outbox/take-back\"").count(),
        1,
        "not one that the server has sent"
    );
}

/// On the pages' host the browser is not asked for a certificate, so the page must not say that there is none.
#[tokio::test]
async fn the_certificate_test_on_the_pages_host_leads_to_the_machines_host() {
    let page = open(Who::NobodyOnPagesHost, "/certificate-test", "").await.body;
    assert!(page.contains("href=\"https://machines.example.org/certificate-test\""));
    assert!(!page.contains("did not present a certificate") && !page.contains("sent no certificate"));
    // The assistant's address on this host leads here.
    let sidebar = open(Who::NobodyOnPagesHost, "/request-access?reason=missing", "").await.body;
    assert!(sidebar.contains("href=\"https://machines.example.org/sidebar\""));
    assert!(!sidebar.contains("did not present a certificate") && sidebar.contains("name=\"email\""));
    let expired = open(Who::NobodyOnPagesHost, "/request-access?reason=expired", "").await.body;
    assert!(expired.contains("certificate has expired"), "what the machines' host found out is told");
}

#[tokio::test]
async fn the_start_page_leads_to_where_one_works() {
    for (who, path) in [(Who::Machine, "/sidebar"), (Who::Administrator, "/admin"), (Who::User, "/account")] {
        let start = open(who, "/", "").await;
        assert_eq!((start.status.as_u16(), start.header("location")), (303, path), "{who:?}");
    }
    assert_eq!(open(Who::Nobody, "/", "").await.status, 200);
}

/// The same sentence on every pending page: it tells nothing about other requests of the address.
#[tokio::test]
async fn the_status_page_neither_promises_a_listed_code_nor_a_reminder_that_arrived() {
    let page = open(Who::Nobody, "/public/request-status/pending", "").await.body;
    assert!(page.contains("Only a few requests from one address can wait at a time"));
    assert!(!page.contains(">Reminded<"));
}

#[tokio::test]
async fn a_code_that_is_in_no_list_is_explained_to_the_administrator() {
    let unlisted = open(Who::Administrator, "/admin/requests?search=wxyz+2345", "").await.body;
    assert!(
        unlisted.contains("This code is genuine")
            && unlisted.contains("when 3 requests from the same address")
    );
    let unknown = open(Who::Administrator, "/admin/requests?search=2222-2222", "").await.body;
    assert!(unknown.contains("No matching requests") && !unknown.contains("This code is genuine"));
}
