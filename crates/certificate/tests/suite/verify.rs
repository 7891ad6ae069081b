//! The fixture matrix: which certificates are accepted, and the reason for which the others are rejected.

use certificate::{Authority, ClientIdentity, IssuedWithKey, TrustAnchors, TrustError, describe};
use protocol::certificate::RejectionReason::{Expired, NotYetValid, Untrusted};
use time::Duration;

use crate::support::{MACHINE, at, authority, client, now, random};

fn foreign(seed: u64) -> Authority {
    authority(seed).0
}

fn der(issued: &IssuedWithKey) -> &[u8] {
    &issued.certificate.der
}

#[test]
fn a_valid_certificate_gives_its_identity() {
    let (authority, _) = authority(1);
    let issued = client(&authority, "Anna’s laptop", now(), 2);
    let trust = authority.trust_anchors().unwrap();
    let expected = ClientIdentity {
        serial_hex: issued.certificate.serial_hex.clone(),
        fingerprint_hex: issued.certificate.fingerprint_hex.clone(),
        device_name: "Anna’s laptop".to_owned(),
        owner_email: "anna@example.org".to_owned(),
        machine: MACHINE,
        not_before: issued.certificate.not_before,
        not_after: issued.certificate.not_after,
    };
    assert_eq!(trust.verify_client(der(&issued), &[], now()), Ok(expected.clone()));
    // Intermediates that it sends make no difference.
    assert_eq!(trust.verify_client(der(&issued), &authority.chain(), now()), Ok(expected.clone()));
    assert_eq!(trust.verify_client(der(&issued), &[vec![], b"garbage".to_vec()], now()), Ok(expected));
}

#[test]
fn dates_count_to_the_second() {
    let (authority, _) = authority(1);
    let issued = client(&authority, "Laptop", at(10), 2);
    let trust = authority.trust_anchors().unwrap();
    let (first, last) = (issued.certificate.not_before, issued.certificate.not_after);
    assert_eq!(trust.verify_client(der(&issued), &[], first - Duration::SECOND), Err(NotYetValid));
    assert!(trust.verify_client(der(&issued), &[], first).is_ok());
    assert!(trust.verify_client(der(&issued), &[], last + Duration::milliseconds(999)).is_ok());
    assert_eq!(trust.verify_client(der(&issued), &[], last + Duration::SECOND), Err(Expired));
    // Long after issuing certificate and root have ended too, and long before they began.
    assert_eq!(trust.verify_client(der(&issued), &[], at(36_500)), Err(Expired));
    assert_eq!(trust.verify_client(der(&issued), &[], at(-36_500)), Err(NotYetValid));
}

#[test]
fn a_foreign_certificate_is_untrusted_whatever_its_dates_and_names() {
    let (authority, _) = authority(1);
    let trust = authority.trust_anchors().unwrap();
    // 1: the same names as ours, with other keys; 9: other names.
    for stranger in [foreign(1), foreign(9)] {
        let issued = client(&stranger, "Laptop", now(), 2);
        for when in [now(), at(400), at(-400)] {
            assert_eq!(trust.verify_client(der(&issued), &[], when), Err(Untrusted));
            assert_eq!(trust.verify_client(der(&issued), &stranger.chain(), when), Err(Untrusted));
        }
    }
}

#[test]
fn only_client_certificates_are_client_certificates() {
    let (authority, _) = authority(1);
    let trust = authority.trust_anchors().unwrap();
    let server = authority.issue_server(&["localhost"], Duration::days(90), now(), &mut random(2)).unwrap();
    let [issuing, root] = authority.chain();
    for presented in [der(&server), &issuing, &root] {
        for when in [now(), at(4000), at(-400)] {
            assert_eq!(trust.verify_client(presented, &[], when), Err(Untrusted));
        }
    }
}

#[test]
fn a_self_signed_copy_of_our_names_is_untrusted() {
    let (authority, material) = authority(1);
    let trust = authority.trust_anchors().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name.push(rcgen::DnType::CommonName, "Laptop");
    params.subject_alt_names = vec![
        rcgen::SanType::Rfc822Name("anna@example.org".try_into().unwrap()),
        rcgen::SanType::URI(MACHINE.urn().to_string().try_into().unwrap()),
    ];
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    (params.not_before, params.not_after) = (at(-1), at(90));
    let copy = params.self_signed(&key).unwrap();
    assert_eq!(trust.verify_client(copy.der(), &[], now()), Err(Untrusted));

    // The same under our issuing certificate's name, signed by another key.
    let issuing = rustls_pki_types::CertificateDer::from(authority.issuing_der());
    let forger = rcgen::Issuer::from_ca_cert_der(&issuing, rcgen::KeyPair::generate().unwrap()).unwrap();
    let forged = params.signed_by(&key, &forger).unwrap();
    assert_eq!(trust.verify_client(forged.der(), &authority.chain(), now()), Err(Untrusted));

    // And signed by the right key: the fixture itself is good, so the refusals above are about the signature.
    let issuer = rcgen::KeyPair::from_pem(material.issuing_key.expose()).unwrap();
    let issuer = rcgen::Issuer::from_ca_cert_der(&issuing, issuer).unwrap();
    assert!(trust.verify_client(params.signed_by(&key, &issuer).unwrap().der(), &[], now()).is_ok());

    // Ours, but without an identity or without a stated use: not what this authority issues.
    let mut nameless = params.clone();
    nameless.subject_alt_names.clear();
    assert_eq!(
        trust.verify_client(nameless.signed_by(&key, &issuer).unwrap().der(), &[], now()),
        Err(Untrusted)
    );
    params.extended_key_usages.clear();
    assert_eq!(
        trust.verify_client(params.signed_by(&key, &issuer).unwrap().der(), &[], now()),
        Err(Untrusted)
    );
}

#[test]
fn a_certificate_with_a_changed_bit_is_untrusted() {
    let (authority, _) = authority(1);
    let trust = authority.trust_anchors().unwrap();
    let good = client(&authority, "Laptop", now(), 2).certificate.der;
    for index in 0..good.len() {
        let mut bad = good.clone();
        bad[index] ^= 1 << (index % 8);
        assert_eq!(trust.verify_client(&bad, &[], now()), Err(Untrusted), "byte {index}");
        let _no_panic = describe(&bad);
    }
    let mut longer = good.clone();
    longer.push(0);
    assert_eq!(trust.verify_client(&longer, &[], now()), Err(Untrusted));
    for garbage in [&b""[..], b"garbage", &good[..good.len() - 1]] {
        assert_eq!(trust.verify_client(garbage, &[], now()), Err(Untrusted));
        assert_eq!(describe(garbage), None);
    }
}

#[test]
fn two_authorities_are_trusted_while_one_replaces_the_other() {
    let (old, _) = authority(1);
    let (new, _) = authority(2);
    let trust = old.trust_anchors().unwrap().and(new.trust_anchors().unwrap());
    for authority in [&old, &new] {
        let issued = client(authority, "Laptop", now(), 3);
        assert!(trust.verify_client(der(&issued), &[], now()).is_ok());
        assert_eq!(trust.verify_client(der(&issued), &[], at(91)), Err(Expired));
    }
    let issued = client(&foreign(3), "Laptop", now(), 3);
    assert_eq!(trust.verify_client(der(&issued), &[], now()), Err(Untrusted));
}

#[test]
fn the_issuing_certificate_comes_from_us_or_from_the_client() {
    let (authority, _) = authority(1);
    let issued = client(&authority, "Laptop", now(), 2);
    let [issuing, root] = authority.chain();
    let trust = TrustAnchors::new(&[root], &[]).unwrap();
    assert_eq!(trust.verify_client(der(&issued), &[], now()), Err(Untrusted));
    assert!(trust.verify_client(der(&issued), &[issuing], now()).is_ok());
}

#[test]
fn missing_and_unusable_trust_anchors_are_errors() {
    let (authority, _) = authority(1);
    let [issuing, root] = authority.chain();
    let leaf = client(&authority, "Laptop", now(), 2).certificate.der;
    let unusable = |der: &[u8]| TrustAnchors::new(&[root.clone(), der.to_vec()], &[]).unwrap_err();
    assert_eq!(TrustAnchors::new(&[], &[]).unwrap_err(), TrustError::NoRoot);
    for bad in [&b""[..], b"garbage", &root[1..], &leaf] {
        assert_eq!(unusable(bad), TrustError::UnusableRoot(2));
    }
    let foreign = foreign(1).issuing_der().to_vec();
    for bad in [foreign, leaf, b"garbage".to_vec()] {
        let error = TrustAnchors::new(std::slice::from_ref(&root), &[issuing.clone(), bad]).unwrap_err();
        assert_eq!(error, TrustError::ForeignIssuing(2));
    }
}

#[test]
fn every_presented_certificate_is_described() {
    let (authority, _) = authority(1);
    let issued = client(&authority, "Anna’s laptop", now(), 2).certificate;
    let seen = describe(&issued.der).unwrap();
    assert_eq!(seen.subject, "CN=Anna’s laptop");
    assert!(seen.issuer.contains("Example Org Issuing CA"), "{}", seen.issuer);
    assert_eq!((seen.serial, seen.fingerprint), (issued.serial_hex, issued.fingerprint_hex));
    assert_eq!(seen.not_before, issued.not_before.unix_timestamp());
    assert_eq!(seen.not_after, issued.not_after.unix_timestamp());

    // A stranger's name may be anything; the page that shows it stays readable.
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, format!("\u{202e}gpj.exe\n{}", "x".repeat(5000)));
    let stranger = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
    let subject = describe(stranger.der()).unwrap().subject;
    assert!(subject.starts_with("CN=\u{fffd}gpj.exe\u{fffd}xxx"), "{subject}");
    assert_eq!(subject.chars().count(), 300);
}
