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

    fn files(&self) -> Vec<String> {
        let mut names: Vec<_> = std::fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
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
    let kept = Identity::to_keep(key.key(), Some(&chain)).len();
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
    world.enrolled.save(&record).unwrap();
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
    world.enrolled.save(&record).unwrap();
    assert_eq!(world.enrolled.load().unwrap().unwrap().record.current, old, "not yet used");
    let record = world.enrolled.succeed(record).unwrap();
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
    world.enrolled.save(&record).unwrap();
    std::fs::write(world.folder.path().join("identity.new"), "half").unwrap();
    let machine = world.enrolled.load().unwrap().unwrap();
    assert_eq!((machine.record.leaving, world.system.names()), (None, vec![machine.record.current]));
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
    world.enrolled.save(&Record { current: "lost".into(), ..record.clone() }).unwrap();
    assert!(matches!(world.enrolled.load(), Err(EnrolledError::KeyLost)));
    world.enrolled.save(&record).unwrap();
    world.system.lock();
    assert!(matches!(world.enrolled.load(), Err(EnrolledError::Keys(KeyStoreError::Locked(_)))));
    assert!(world.enrolled.forget().is_err(), "a key that stays is told");
    assert!(world.enrolled.record().unwrap().is_some(), "and can be removed another time");
}
