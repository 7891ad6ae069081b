//! Revocation lists: their numbers, and when they are signed anew.

use x509_parser::prelude::{CertificateRevocationList, FromDer};

use crate::on_both;
use crate::support::TestServer;

on_both!(
    a_list_is_signed_once_until_something_changes,
    the_number_grows_when_the_clock_was_set_back,
    servers_never_give_one_number_to_two_lists,
);

async fn list(server: &TestServer) -> Vec<u8> {
    server.get("/crl.der").send().await.body
}

/// CRL number and revoked certificates.
fn contents(list: &[u8]) -> (u64, usize) {
    let (_, list) = CertificateRevocationList::from_der(list).unwrap();
    let number = list.crl_number().unwrap().to_u64_digits();
    (number.first().copied().unwrap_or_default(), list.iter_revoked_certificates().count())
}

async fn revoke(server: &TestServer, email: &str) {
    let admin = server.administrator().await;
    let machine = server.machine(&admin, email).await;
    let certificates = &server.state.services.certificates;
    certificates.revoke(&admin.proof(), machine.certificate_id.as_str(), "", "").await.unwrap();
}

async fn a_list_is_signed_once_until_something_changes(server: TestServer) {
    let first = list(&server).await;
    server.clock.advance(3600);
    assert_eq!(list(&server).await, first, "the same bytes");
    let restarted = server.restarted_with(&[]).await;
    assert_eq!(list(&restarted).await, first, "also from another server");

    revoke(&server, "anna@example.org").await;
    let second = list(&restarted).await;
    let ((number, none), (next, one)) = (contents(&first), contents(&second));
    assert!(next > number && (none, one) == (0, 1), "{number} {next} {none} {one}");

    // Long before its end, it is signed anew.
    server.clock.advance(2 * 24 * 3600);
    let third = list(&server).await;
    assert!(third != second && contents(&third).0 > next);
}

async fn the_number_grows_when_the_clock_was_set_back(server: TestServer) {
    let first = contents(&list(&server).await).0;
    server.clock.advance(-3600);
    let second = list(&server).await;
    assert!(contents(&second).0 > first, "{first}");
    let (_, parsed) = CertificateRevocationList::from_der(&second).unwrap();
    assert_eq!(
        parsed.last_update().timestamp(),
        server.state.env.now(),
        "no list from the future is given out"
    );
    server.clock.advance(1);
    assert_eq!(list(&server).await, second);
}

async fn servers_never_give_one_number_to_two_lists(server: TestServer) {
    let other = server.restarted_with(&[]).await;
    let lists = (0..16).map(|n| {
        let server = if n % 2 == 0 { server.clone() } else { other.clone() };
        async move { list(&server).await }
    });
    let lists = futures::future::join_all(lists).await;
    assert!(lists.iter().all(|each| *each == lists[0]));
}
