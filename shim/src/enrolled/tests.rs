use super::*;
use crate::clock::system_random;
use crate::identity::new_key;
use crate::keystore::{KeyStore, MemoryStore};
use crate::test_server::Authority;

/// From 2020 to 2100.
const VALIDITY: (i64, i64) = (1_577_836_800, 4_102_444_800);

struct World {
    enrolled: Enrolled,
    system: Arc<MemoryStore>,
    authority: Authority,
    folder: tempfile::TempDir,
}

impl World {
    fn new(system: MemoryStore) -> Self {
        let (system, folder) = (Arc::new(system), tempfile::tempdir().unwrap());
        let keys = Keys::of(Arc::clone(&system) as Arc<dyn KeyStore>, folder.path());
        let enrolled = Enrolled::new(folder.path(), keys);
        Self { enrolled, system, authority: Authority::new(), folder }
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
        self.enrolled.enrol(self.record(), key.key(), &chain).unwrap()
    }

    fn record(&self) -> Record {
        Record {
            version: 0,
            server: "https://localhost:8443".into(),
            pages: "http://localhost:8080".into(),
            trusted: Trusted::Authority,
            authorities: self.authority.pem(),
            kept_in: Place::System,
            current: String::new(),
            next: None,
            leaving: None,
        }
    }

    fn save(&self, record: &Record) {
        self.enrolled.write(&self.enrolled.writing().unwrap(), record).unwrap();
    }

    fn files(&self) -> Vec<String> {
        let mut names: Vec<_> = std::fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            // Says nothing; it is there so that one waits for the other.
            .filter(|name| name != "identity.lock")
            .collect();
        names.sort();
        names
    }
}

#[test]
fn an_enrolled_machine_stands_on_what_is_kept() {
    let world = World::new(MemoryStore::default());
    assert!(world.enrolled.load().unwrap().is_none());
    let machine = world.enrol();
    assert_eq!(world.system.names(), std::slice::from_ref(&machine.record.current));
    assert_eq!(world.files(), ["identity.json"]);
    let text = std::fs::read_to_string(world.folder.path().join("identity.json")).unwrap();
    assert!(!text.contains("PRIVATE"), "{text}");

    let again = world.enrolled.load().unwrap().unwrap();
    assert_eq!(again.identity.certificates(), machine.identity.certificates());
    assert_eq!(again.identity.key().secret_der(), machine.identity.key().secret_der());
    assert_eq!(again.identity.certificates().len(), 2, "without the root");
    assert_eq!(again.identity.device_name().as_deref(), Some("desk"));
    assert_eq!(again.identity.validity(), Some(VALIDITY));
    let (record, configuration) = again.configuration().unwrap();
    assert_eq!((record.version, configuration.server.origin().as_str()), (1, "https://localhost:8443"));
}

#[test]
fn what_is_kept_fits_under_one_name_on_windows() {
    let world = World::new(MemoryStore::default());
    let (key, chain) = world.key();
    // The server's certificates have names that this test's have not: the longest address (254), the machine's and the
    // organisation's name (64 each, of four bytes), its URN, and addresses of lists.
    let more = 254 + 3 * 64 * 4 + 45 + 100;
    let kept = Identity::to_keep(key.key(), Some(&chain)).unwrap().len();
    assert!(kept + more <= 5 * 512, "{kept}");
}

#[test]
fn without_a_key_store_all_is_in_files() {
    let world = World::new(MemoryStore::away());
    let machine = world.enrol();
    assert_eq!(machine.record.kept_in, Place::File);
    assert_eq!(world.files(), ["identity.json", "keys"]);
    assert!(world.enrolled.load().unwrap().is_some());
    assert!(world.enrolled.forget().unwrap());
    assert_eq!(std::fs::read_dir(world.folder.path().join("keys")).unwrap().count(), 0);
}

#[test]
fn a_new_enrolment_replaces_the_old_one() {
    let world = World::new(MemoryStore::default());
    let old = world.enrol();
    let new = world.enrol();
    assert_ne!(old.record.current, new.record.current);
    assert_eq!(world.system.names(), [new.record.current]);
}

#[test]
fn forgetting_removes_every_key() {
    let world = World::new(MemoryStore::default());
    assert!(!world.enrolled.forget().unwrap(), "nothing to forget");
    let Machine { mut record, .. } = world.enrol();
    let (next, _) = world.key();
    let name = world.enrolled.keep(record.kept_in, &next, None).unwrap();
    record.next = Some(Next::Asked { name });
    world.save(&record);
    world.enrolled.key_of_link("a token", || Ok(world.key().0)).unwrap();
    assert_eq!(world.system.names().len(), 3);
    assert!(world.enrolled.forget().unwrap());
    assert_eq!((world.system.names().len(), world.files().len()), (0, 0));
    assert!(world.enrolled.load().unwrap().is_none());
}

#[test]
fn the_key_of_a_link_is_made_once() {
    let world = World::new(MemoryStore::default());
    let made = |token: &str| world.enrolled.key_of_link(token, || Ok(world.key().0)).unwrap();
    let first = made("one token");
    assert_eq!(made("one token").request(), first.request());
    let other = made("another token");
    assert_ne!(other.request(), first.request());
    assert_ne!(made("one token").request(), first.request(), "only the last link's is kept");
    world.enrol();
    assert_eq!(world.system.names().len(), 1, "it goes when the machine is enrolled");
}

#[test]
fn a_successor_takes_the_place_and_the_old_key_goes() {
    let world = World::new(MemoryStore::default());
    let Machine { mut record, .. } = world.enrol();
    let (old, (key, chain)) = (record.current.clone(), world.key());
    let name = world.enrolled.keep(record.kept_in, &key, Some(&chain)).unwrap();
    record.next = Some(Next::Issued { name: name.clone(), authorities: "new roots".into() });
    world.save(&record);
    assert_eq!(world.enrolled.load().unwrap().unwrap().record.current, old, "not yet used");
    let record = world.enrolled.succeed(&record).unwrap();
    assert_eq!((&record.current, record.authorities.as_str()), (&name, "new roots"));
    assert_eq!((record.next.clone(), record.leaving.clone()), (None, None));
    assert_eq!(world.system.names(), [name]);
    assert_eq!(world.enrolled.record().unwrap(), Some(record));
}

#[test]
fn what_an_interruption_left_is_cleaned_up() {
    let world = World::new(MemoryStore::default());
    let Machine { mut record, .. } = world.enrol();
    let (key, _) = world.key();
    let name = world.enrolled.keep(record.kept_in, &key, None).unwrap();
    record.leaving = Some(Kept { place: record.kept_in, name });
    world.save(&record);
    std::fs::write(world.folder.path().join("identity.new"), "half").unwrap();
    // Looking alone changes nothing.
    assert_eq!(world.enrolled.load().unwrap().unwrap().record, record);
    assert_eq!(world.system.names().len(), 2);
    world.enrolled.clean_up().unwrap();
    let machine = world.enrolled.load().unwrap().unwrap();
    assert_eq!((machine.record.leaving, world.system.names()), (None, vec![machine.record.current]));
}

#[test]
fn what_cannot_be_removed_is_removed_another_time() {
    let world = World::new(MemoryStore::default());
    let Machine { mut record, .. } = world.enrol();
    let name = world.enrolled.keep(record.kept_in, &world.key().0, None).unwrap();
    record.leaving = Some(Kept { place: record.kept_in, name });
    world.save(&record);
    for away in [MemoryStore::lock, MemoryStore::leave] {
        away(&world.system);
        world.enrolled.clean_up().unwrap();
        assert_eq!(world.enrolled.record().unwrap().as_ref(), Some(&record));
        world.system.come_back();
    }
    world.enrolled.clean_up().unwrap();
    assert_eq!(world.system.names(), [record.current]);
}

#[test]
fn what_cannot_be_read_back_takes_nobodys_place() {
    let world = World::new(MemoryStore::default());
    let old = world.enrol();
    world.system.spoil();
    let (key, chain) = world.key();
    let error = world.enrolled.enrol(world.record(), key.key(), &chain).unwrap_err();
    assert!(matches!(error, EnrolledError::Identity(_)), "{error:?}");
    let stands = world.enrolled.load().unwrap().unwrap();
    assert_eq!(stands.record.current, old.record.current);
    assert_eq!(world.system.names(), [old.record.current]);
}

#[test]
fn a_renewal_writes_nothing_over_another_enrolment() {
    let world = World::new(MemoryStore::default());
    let Machine { record: before, .. } = world.enrol();
    let new = world.enrol();
    let (key, chain) = world.key();
    let name = world.enrolled.keep(before.kept_in, &key, Some(&chain)).unwrap();
    let asked = Record { next: Some(Next::Asked { name: name.clone() }), ..before.clone() };
    assert!(matches!(world.enrolled.go_on(&before, &asked), Err(EnrolledError::Superseded)));
    let issued = Record { next: Some(Next::Issued { name, authorities: String::new() }), ..before };
    assert!(matches!(world.enrolled.succeed(&issued), Err(EnrolledError::Superseded)));
    assert_eq!(world.enrolled.record().unwrap(), Some(new.record.clone()));
    assert_eq!(world.system.names(), [new.record.current], "and leaves no key behind");
}

#[test]
fn of_two_renewals_one_goes_on() {
    let world = World::new(MemoryStore::default());
    let Machine { record: before, .. } = world.enrol();
    let asked = || {
        let name = world.enrolled.keep(before.kept_in, &world.key().0, None).unwrap();
        Record { next: Some(Next::Asked { name }), ..before.clone() }
    };
    let (one, other) = (asked(), asked());
    world.enrolled.go_on(&before, &one).unwrap();
    assert!(matches!(world.enrolled.go_on(&before, &other), Err(EnrolledError::Superseded)));
    assert_eq!(world.enrolled.record().unwrap(), Some(one));
    assert_eq!(world.system.names().len(), 2);
}

#[test]
fn what_was_forgotten_stays_forgotten() {
    let world = World::new(MemoryStore::default());
    let Machine { record: before, .. } = world.enrol();
    let name = world.enrolled.keep(before.kept_in, &world.key().0, None).unwrap();
    assert!(world.enrolled.forget().unwrap());
    let asked = Record { next: Some(Next::Asked { name }), ..before.clone() };
    assert!(matches!(world.enrolled.go_on(&before, &asked), Err(EnrolledError::Superseded)));
    assert_eq!((world.system.names().len(), world.files().len()), (0, 0));
}

#[test]
fn one_writes_at_a_time() {
    let world = World::new(MemoryStore::default());
    world.enrol();
    let writing = world.enrolled.writing().unwrap();
    let other = world.enrolled.clone();
    let forgetting = std::thread::spawn(move || other.forget().unwrap());
    std::thread::sleep(std::time::Duration::from_millis(50));
    assert!(!forgetting.is_finished() && world.enrolled.record().unwrap().is_some());
    drop(writing);
    assert!(forgetting.join().unwrap());
}

#[test]
fn what_a_damaged_file_names_is_not_said_to_be_gone() {
    let world = World::new(MemoryStore::default());
    let record = world.enrol().record;
    let file = world.folder.path().join("identity.json");
    for text in ["half", &serde_json::to_string(&Record { version: 2, ..record }).unwrap()] {
        std::fs::write(&file, text).unwrap();
        assert!(matches!(world.enrolled.forget(), Err(EnrolledError::Record(_))));
        assert_eq!((world.system.names().len(), std::fs::read_to_string(&file).unwrap().as_str()), (1, text));
    }
}

#[test]
fn what_cannot_be_used_is_told_apart() {
    let world = World::new(MemoryStore::default());
    let Machine { record, .. } = world.enrol();
    let file = world.folder.path().join("identity.json");
    for text in ["", "{}", &serde_json::to_string(&Record { version: 2, ..record.clone() }).unwrap()] {
        std::fs::write(&file, text).unwrap();
        assert!(matches!(world.enrolled.load(), Err(EnrolledError::Record(_))), "{text}");
    }
    world.save(&Record { current: "lost".into(), ..record.clone() });
    assert!(matches!(world.enrolled.load(), Err(EnrolledError::KeyLost)));
    world.save(&record);
    world.system.lock();
    assert!(matches!(world.enrolled.load(), Err(EnrolledError::Keys(KeyStoreError::Locked(_)))));
    assert!(world.enrolled.forget().is_err(), "a key that stays is told");
    assert!(world.enrolled.record().unwrap().is_some(), "and can be removed another time");
}
