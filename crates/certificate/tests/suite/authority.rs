//! Loading: whole and matching material, or nothing.

use certificate::{Authority, AuthorityError, KeyPem, Part};

use crate::support::{at, authority, now, random};

#[test]
fn stored_material_loads_and_is_the_same_authority() {
    let (created, material) = authority(1);
    let loaded = Authority::load(&material, at(30)).unwrap();
    assert_eq!(loaded.chain(), created.chain());
    assert_eq!(loaded.root_pem(), material.root_certificate);
    assert_eq!(loaded.issuing_pem(), material.issuing_certificate);
}

#[test]
fn the_root_key_may_be_kept_elsewhere() {
    let (_, mut material) = authority(1);
    material.root_key = None;
    Authority::load(&material, now()).unwrap();
}

#[test]
fn every_missing_part_is_named() {
    let (_, whole) = authority(1);
    for part in [Part::RootCertificate, Part::RootKey, Part::IssuingCertificate, Part::IssuingKey] {
        let mut material = whole.clone();
        match part {
            Part::RootCertificate => material.root_certificate.clear(),
            Part::RootKey => material.root_key = Some(KeyPem::default()),
            Part::IssuingCertificate => material.issuing_certificate = "\n".to_owned(),
            Part::IssuingKey => material.issuing_key = KeyPem::default(),
        }
        let error = Authority::load(&material, now()).unwrap_err();
        assert!(matches!(error, AuthorityError::Missing(p) if p == part), "{part}: {error}");
    }
}

#[test]
fn every_corrupt_part_is_named() {
    let (_, whole) = authority(1);
    for part in [Part::RootCertificate, Part::RootKey, Part::IssuingCertificate, Part::IssuingKey] {
        let mut material = whole.clone();
        // Cut in the middle, as a full disk leaves it.
        let cut = |text: &str| text[..text.len() / 2].to_owned();
        match part {
            Part::RootCertificate => material.root_certificate = cut(&whole.root_certificate),
            Part::RootKey => {
                material.root_key = whole.root_key.as_ref().map(|k| KeyPem::new(cut(k.expose())));
            }
            Part::IssuingCertificate => material.issuing_certificate = cut(&whole.issuing_certificate),
            Part::IssuingKey => material.issuing_key = KeyPem::new(cut(whole.issuing_key.expose())),
        }
        let error = Authority::load(&material, now()).unwrap_err();
        assert!(matches!(error, AuthorityError::Corrupt(p) if p == part), "{part}: {error}");
    }
}

#[test]
fn parts_of_two_authorities_do_not_mix() {
    // The same seed: both have the same names, so that only keys and signatures tell them apart.
    let ((_, ours), (_, theirs)) = (authority(1), authority(1));

    let mut material = ours.clone();
    material.issuing_key = theirs.issuing_key.clone();
    let error = Authority::load(&material, now()).unwrap_err();
    assert!(matches!(error, AuthorityError::KeyMismatch(Part::IssuingKey)), "{error}");

    let mut material = ours.clone();
    material.root_key = theirs.root_key.clone();
    let error = Authority::load(&material, now()).unwrap_err();
    assert!(matches!(error, AuthorityError::KeyMismatch(Part::RootKey)), "{error}");

    let mut material = ours.clone();
    material.root_certificate = theirs.root_certificate.clone();
    material.root_key = theirs.root_key.clone();
    let error = Authority::load(&material, now()).unwrap_err();
    assert!(matches!(error, AuthorityError::ForeignIssuing), "{error}");
}

#[test]
fn swapped_certificates_and_end_entities_are_no_authority() {
    let (authority, whole) = authority(1);
    let mut material = whole.clone();
    material.root_certificate = whole.issuing_certificate.clone();
    material.root_key = None;
    let error = Authority::load(&material, now()).unwrap_err();
    assert!(matches!(error, AuthorityError::NotAnAuthority(Part::RootCertificate)), "{error}");

    let client = crate::support::client(&authority, "Laptop", now(), 2);
    let mut material = whole.clone();
    material.issuing_certificate = client.certificate.pem;
    material.issuing_key = client.key.pem();
    let error = Authority::load(&material, now()).unwrap_err();
    assert!(matches!(error, AuthorityError::NotAnAuthority(Part::IssuingCertificate)), "{error}");
}

#[test]
fn an_authority_out_of_date_does_not_load() {
    let (_, material) = authority(1);
    let error = Authority::load(&material, at(-1)).unwrap_err();
    assert!(matches!(error, AuthorityError::NotYetValid(Part::RootCertificate)), "{error}");
    Authority::load(&material, at(1826)).unwrap();
    let error = Authority::load(&material, at(1827)).unwrap_err();
    assert!(matches!(error, AuthorityError::Expired(Part::IssuingCertificate)), "{error}");
    let error = Authority::load(&material, at(3653)).unwrap_err();
    assert!(matches!(error, AuthorityError::Expired(Part::RootCertificate)), "{error}");
}

#[test]
fn organisations_have_a_name_that_fits() {
    for name in ["", "  ", "a\nb", &"x".repeat(65)] {
        let error = Authority::create(now(), name, &mut random(1)).unwrap_err();
        assert!(matches!(error, AuthorityError::Organisation), "{name:?}: {error}");
    }
    Authority::create(now(), &"ä".repeat(64), &mut random(1)).unwrap();
}

#[test]
fn keys_do_not_print() {
    let (authority, material) = authority(1);
    let client = crate::support::client(&authority, "Laptop", now(), 2);
    let printed = format!("{authority:?} {material:?} {client:?}");
    assert!(printed.contains("[redacted]"));
    assert!(!printed.contains("PRIVATE"), "{printed}");
}
