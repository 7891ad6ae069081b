use super::*;
use crate::clock::system_random;
use crate::identity::new_key;
use crate::keystore::{KeyStore, MemoryStore};
use crate::test_server::Authority;

/// From 2020 to 2100.
const VALIDITY: (i64, i64) = (1_577_836_800, 4_102_444_800);

struct Fixture {
    store: EnrolmentStore,
    system: Arc<MemoryStore>,
    authority: Authority,
    folder: tempfile::TempDir,
}

impl Fixture {
    fn new(system: MemoryStore) -> Self {
        let (system, folder) = (Arc::new(system), tempfile::tempdir().unwrap());
        let keys = Keys::of(Arc::clone(&system) as Arc<dyn KeyStore>, folder.path());
        let store = EnrolmentStore::new(folder.path(), keys);
        Self { store, system, authority: Authority::new(), folder }
    }

    fn key(&self) -> (MachineKey, Chain) {
        let key = new_key(system_random).unwrap();
        let certificates = self.authority.certify(key.request(), VALIDITY);
        let roots = self.authority.pem();
        let answer = keys::Answer { certificates: &certificates, roots: &roots };
        let chain = key.chain(answer).unwrap();
        (key, chain)
    }

    fn enrol(&self) -> Machine {
        let (key, chain) = self.key();
        self.store.enrol(self.record(), key.key(), &chain).unwrap()
    }

    fn record(&self) -> Record {
        Record {
            version: 0,
            server: "https://localhost:8443".into(),
            pages: "http://localhost:8080".into(),
            trusted: Trusted::Authority,
            authorities: self.authority.pem(),
            key_location: KeyLocation::System,
            current: String::new(),
            next: None,
            obsolete: None,
        }
    }

    fn save(&self, record: &Record) {
        self.store.write(&self.store.lock().unwrap(), record).unwrap();
    }

    fn files(&self) -> Vec<String> {
        let mut names: Vec<_> = std::fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            // The lock's file is always empty.
            .filter(|name| name != "identity.lock")
            .collect();
        names.sort();
        names
    }
}

#[test]
fn an_enrolled_machine_loads_what_is_stored() {
    let fixture = Fixture::new(MemoryStore::default());
    assert!(fixture.store.load().unwrap().is_none());
    let machine = fixture.enrol();
    assert_eq!(fixture.system.names(), std::slice::from_ref(&machine.record.current));
    assert_eq!(fixture.files(), ["identity.json"]);
    let text = std::fs::read_to_string(fixture.folder.path().join("identity.json")).unwrap();
    assert!(!text.contains("PRIVATE"), "{text}");

    let again = fixture.store.load().unwrap().unwrap();
    assert_eq!(again.identity.certificates(), machine.identity.certificates());
    assert_eq!(again.identity.key().secret_der(), machine.identity.key().secret_der());
    assert_eq!(again.identity.certificates().len(), 2, "without the root");
    assert_eq!(again.identity.device_name().as_deref(), Some("desk"));
    assert_eq!(again.identity.validity(), Some(VALIDITY));
    let (record, configuration) = again.configuration().unwrap();
    assert_eq!((record.version, configuration.server.origin().as_str()), (1, "https://localhost:8443"));
}

#[test]
fn an_encoded_identity_fits_under_one_name_on_windows() {
    let fixture = Fixture::new(MemoryStore::default());
    let (key, chain) = fixture.key();
    // The server's certificates have names that this test's have not: the longest address (254), the machine's and the
    // organisation's name (64 each, of four bytes), its URN, and addresses of lists.
    let more = 254 + 3 * 64 * 4 + 45 + 100;
    let stored = Identity::encode(key.key(), Some(&chain)).unwrap().len();
    assert!(stored + more <= 5 * 512, "{stored}");
}

#[test]
fn without_a_key_store_all_is_in_files() {
    let fixture = Fixture::new(MemoryStore::unavailable());
    let machine = fixture.enrol();
    assert_eq!(machine.record.key_location, KeyLocation::File);
    assert_eq!(fixture.files(), ["identity.json", "keys"]);
    assert!(fixture.store.load().unwrap().is_some());
    assert!(fixture.store.forget().unwrap());
    assert_eq!(std::fs::read_dir(fixture.folder.path().join("keys")).unwrap().count(), 0);
}

#[test]
fn a_new_enrolment_replaces_the_old_one() {
    let fixture = Fixture::new(MemoryStore::default());
    let old = fixture.enrol();
    let new = fixture.enrol();
    assert_ne!(old.record.current, new.record.current);
    assert_eq!(fixture.system.names(), [new.record.current]);
}

#[test]
fn forgetting_removes_every_key() {
    let fixture = Fixture::new(MemoryStore::default());
    assert!(!fixture.store.forget().unwrap(), "nothing to forget");
    let Machine { mut record, .. } = fixture.enrol();
    let (next, _) = fixture.key();
    let name = fixture.store.store_key(record.key_location, &next, None).unwrap();
    record.next = Some(Next::Requested { name });
    fixture.save(&record);
    fixture.store.key_for_link("a token", || Ok(fixture.key().0)).unwrap();
    assert_eq!(fixture.system.names().len(), 3);
    assert!(fixture.store.forget().unwrap());
    assert_eq!((fixture.system.names().len(), fixture.files().len()), (0, 0));
    assert!(fixture.store.load().unwrap().is_none());
}

#[test]
fn the_key_of_a_link_is_made_once() {
    let fixture = Fixture::new(MemoryStore::default());
    let made = |token: &str| fixture.store.key_for_link(token, || Ok(fixture.key().0)).unwrap();
    let first = made("one token");
    assert_eq!(made("one token").request(), first.request());
    let other = made("another token");
    assert_ne!(other.request(), first.request());
    assert_ne!(made("one token").request(), first.request(), "only the last link's is kept");
    fixture.enrol();
    assert_eq!(fixture.system.names().len(), 1, "it goes when the machine is enrolled");
}

#[test]
fn a_renewed_identity_replaces_the_old_one_and_its_key_is_removed() {
    let fixture = Fixture::new(MemoryStore::default());
    let Machine { mut record, .. } = fixture.enrol();
    let (old, (key, chain)) = (record.current.clone(), fixture.key());
    let name = fixture.store.store_key(record.key_location, &key, Some(&chain)).unwrap();
    record.next = Some(Next::Issued { name: name.clone(), authorities: "new roots".into() });
    fixture.save(&record);
    assert_eq!(fixture.store.load().unwrap().unwrap().record.current, old, "not yet used");
    let record = fixture.store.activate_next(&record).unwrap();
    assert_eq!((&record.current, record.authorities.as_str()), (&name, "new roots"));
    assert_eq!((record.next.clone(), record.obsolete.clone()), (None, None));
    assert_eq!(fixture.system.names(), [name]);
    assert_eq!(fixture.store.record().unwrap(), Some(record));
}

#[test]
fn what_an_interruption_left_is_cleaned_up() {
    let fixture = Fixture::new(MemoryStore::default());
    let Machine { mut record, .. } = fixture.enrol();
    let (key, _) = fixture.key();
    let name = fixture.store.store_key(record.key_location, &key, None).unwrap();
    record.obsolete = Some(StoredKey { location: record.key_location, name });
    fixture.save(&record);
    std::fs::write(fixture.folder.path().join("identity.new"), "half").unwrap();
    // Loading alone changes nothing.
    assert_eq!(fixture.store.load().unwrap().unwrap().record, record);
    assert_eq!(fixture.system.names().len(), 2);
    fixture.store.clean_up().unwrap();
    let machine = fixture.store.load().unwrap().unwrap();
    assert_eq!((machine.record.obsolete, fixture.system.names()), (None, vec![machine.record.current]));
}

#[test]
fn what_cannot_be_removed_is_removed_later() {
    let fixture = Fixture::new(MemoryStore::default());
    let Machine { mut record, .. } = fixture.enrol();
    let name = fixture.store.store_key(record.key_location, &fixture.key().0, None).unwrap();
    record.obsolete = Some(StoredKey { location: record.key_location, name });
    fixture.save(&record);
    for away in [MemoryStore::lock, MemoryStore::make_unavailable] {
        away(&fixture.system);
        fixture.store.clean_up().unwrap();
        assert_eq!(fixture.store.record().unwrap().as_ref(), Some(&record));
        fixture.system.recover();
    }
    fixture.store.clean_up().unwrap();
    assert_eq!(fixture.system.names(), [record.current]);
}

#[test]
fn what_cannot_be_read_back_replaces_nothing() {
    let fixture = Fixture::new(MemoryStore::default());
    let old = fixture.enrol();
    fixture.system.truncate_writes();
    let (key, chain) = fixture.key();
    let error = fixture.store.enrol(fixture.record(), key.key(), &chain).unwrap_err();
    assert!(matches!(error, EnrolmentStoreError::Identity(_)), "{error:?}");
    let on_disk = fixture.store.load().unwrap().unwrap();
    assert_eq!(on_disk.record.current, old.record.current);
    assert_eq!(fixture.system.names(), [old.record.current]);
}

#[test]
fn a_renewal_writes_nothing_over_another_enrolment() {
    let fixture = Fixture::new(MemoryStore::default());
    let Machine { record: before, .. } = fixture.enrol();
    let new = fixture.enrol();
    let (key, chain) = fixture.key();
    let name = fixture.store.store_key(before.key_location, &key, Some(&chain)).unwrap();
    let asked = Record { next: Some(Next::Requested { name: name.clone() }), ..before.clone() };
    assert!(matches!(fixture.store.replace_record(&before, &asked), Err(EnrolmentStoreError::Superseded)));
    let issued = Record { next: Some(Next::Issued { name, authorities: String::new() }), ..before };
    assert!(matches!(fixture.store.activate_next(&issued), Err(EnrolmentStoreError::Superseded)));
    assert_eq!(fixture.store.record().unwrap(), Some(new.record.clone()));
    assert_eq!(fixture.system.names(), [new.record.current], "and leaves no key behind");
}

#[test]
fn of_two_renewals_one_succeeds() {
    let fixture = Fixture::new(MemoryStore::default());
    let Machine { record: before, .. } = fixture.enrol();
    let asked = || {
        let name = fixture.store.store_key(before.key_location, &fixture.key().0, None).unwrap();
        Record { next: Some(Next::Requested { name }), ..before.clone() }
    };
    let (one, other) = (asked(), asked());
    fixture.store.replace_record(&before, &one).unwrap();
    assert!(matches!(fixture.store.replace_record(&before, &other), Err(EnrolmentStoreError::Superseded)));
    assert_eq!(fixture.store.record().unwrap(), Some(one));
    assert_eq!(fixture.system.names().len(), 2);
}

#[test]
fn a_renewal_does_not_restore_a_removed_enrolment() {
    let fixture = Fixture::new(MemoryStore::default());
    let Machine { record: before, .. } = fixture.enrol();
    let name = fixture.store.store_key(before.key_location, &fixture.key().0, None).unwrap();
    assert!(fixture.store.forget().unwrap());
    let asked = Record { next: Some(Next::Requested { name }), ..before.clone() };
    assert!(matches!(fixture.store.replace_record(&before, &asked), Err(EnrolmentStoreError::Superseded)));
    assert_eq!((fixture.system.names().len(), fixture.files().len()), (0, 0));
}

#[test]
fn one_writes_at_a_time() {
    let fixture = Fixture::new(MemoryStore::default());
    fixture.enrol();
    let lock = fixture.store.lock().unwrap();
    let other = fixture.store.clone();
    let forgetting = std::thread::spawn(move || other.forget().unwrap());
    std::thread::sleep(std::time::Duration::from_millis(50));
    assert!(!forgetting.is_finished() && fixture.store.record().unwrap().is_some());
    drop(lock);
    assert!(forgetting.join().unwrap());
}

#[test]
fn what_a_damaged_file_names_is_not_said_to_be_gone() {
    let fixture = Fixture::new(MemoryStore::default());
    let record = fixture.enrol().record;
    let file = fixture.folder.path().join("identity.json");
    for text in ["half", &serde_json::to_string(&Record { version: 2, ..record }).unwrap()] {
        std::fs::write(&file, text).unwrap();
        assert!(matches!(fixture.store.forget(), Err(EnrolmentStoreError::Record(_))));
        assert_eq!(
            (fixture.system.names().len(), std::fs::read_to_string(&file).unwrap().as_str()),
            (1, text)
        );
    }
}

#[test]
fn what_cannot_be_loaded_has_an_error_of_its_own() {
    let fixture = Fixture::new(MemoryStore::default());
    let Machine { record, .. } = fixture.enrol();
    let file = fixture.folder.path().join("identity.json");
    for text in ["", "{}", &serde_json::to_string(&Record { version: 2, ..record.clone() }).unwrap()] {
        std::fs::write(&file, text).unwrap();
        assert!(matches!(fixture.store.load(), Err(EnrolmentStoreError::Record(_))), "{text}");
    }
    fixture.save(&Record { current: "lost".into(), ..record.clone() });
    assert!(matches!(fixture.store.load(), Err(EnrolmentStoreError::KeyLost)));
    fixture.save(&record);
    fixture.system.lock();
    assert!(matches!(fixture.store.load(), Err(EnrolmentStoreError::Keys(KeyStoreError::Locked(_)))));
    assert!(fixture.store.forget().is_err(), "a key that stays is an error");
    assert!(fixture.store.record().unwrap().is_some(), "and can be removed another time");
}

/// Machines that were enrolled before read their file with every version.
#[test]
fn the_files_format_stays() {
    let text = r#"{
        "version": 1,
        "server": "https://localhost:8443",
        "pages": "http://localhost:8080",
        "trusted": "authority",
        "authorities": "roots",
        "kept_in": "file",
        "current": "a",
        "next": { "state": "asked", "name": "b" },
        "leaving": { "place": "system", "name": "c" }
    }"#;
    let record: Record = serde_json::from_str(text).unwrap();
    assert_eq!(record.key_location, KeyLocation::File);
    assert_eq!(record.next, Some(Next::Requested { name: "b".into() }));
    assert_eq!(record.obsolete, Some(StoredKey { location: KeyLocation::System, name: "c".into() }));
    let expected: serde_json::Value = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_value(&record).unwrap(), expected);
}
