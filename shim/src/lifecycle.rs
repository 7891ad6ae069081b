//! From start to end: the connection that the command line describes, or else the one that this machine was enrolled with,
//! and the renewal of its certificate.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use protocol::Problem;
use tauri::async_runtime::JoinHandle;

use crate::clock::{self, Now, Random};
use crate::configuration::{Arguments, Configuration, ConfigurationError};
use crate::connection::{Connected, Connection, ConnectionState, unenrolled};
use crate::enrolment::{Enrolment, Wizard};
use crate::enrolment_store::{EnrolmentStore, EnrolmentStoreError, Machine};
use crate::keystore::KeyStoreError;
use crate::renewal::{Outcome, Renewal};
use crate::transport::{Transport, TransportSetupError};
use crate::trust::Trust;

const RENEWAL_CHECK_INTERVAL: Duration = Duration::from_mins(1);

/// The connection that the command line describes.
pub fn as_configured(
    arguments: &Arguments,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Connected, Problem> {
    let configuration = Configuration::read(arguments, variable).map_err(|error| {
        tracing::error!(%error, "the configuration is not complete");
        not_configured(&error)
    })?;
    connected(configuration, None)
}

/// The connection that this machine was enrolled with.
pub fn as_enrolled(store: &EnrolmentStore) -> Result<Connected, Problem> {
    let machine = store.load().map_err(|error| unreadable(&error))?.ok_or_else(unenrolled)?;
    let (record, configuration) = machine.configuration().map_err(|error| unreadable(&error))?;
    connected(configuration, Some(record.pages))
}

fn connected(configuration: Configuration, pages: Option<String>) -> Result<Connected, Problem> {
    tracing::info!(server = %configuration.server, "starting");
    let device_name = configuration.identity.device_name();
    let transport = Transport::new(configuration).map_err(|error: TransportSetupError| {
        tracing::error!(%error, source = ?std::error::Error::source(&error), "the transport cannot be made");
        Problem::new("configuration", 500, "The program needs another setting").detail(error.to_string())
    })?;
    Ok(Connected::new(Arc::new(transport), pages, device_name))
}

/// Enrols this machine, and renews its certificate.
#[derive(Debug)]
pub struct EnrolmentLifecycle {
    store: Arc<EnrolmentStore>,
    connection: Arc<Connection>,
    now: Now,
    random: Random,
    renewing: Mutex<Option<JoinHandle<()>>>,
}

impl EnrolmentLifecycle {
    pub fn new(store: EnrolmentStore, connection: Arc<Connection>) -> Self {
        Self {
            store: Arc::new(store),
            connection,
            now: clock::system_now,
            random: clock::system_random,
            renewing: Mutex::default(),
        }
    }

    /// The pages that enrol this machine.
    pub fn wizard(self: &Arc<Self>) -> Wizard {
        let system = Trust::in_system()
            .inspect_err(|error| tracing::warn!(%error, "this system's certificates cannot be read"))
            .ok();
        let enrolment = Enrolment::new(Arc::clone(&self.store), system, self.random);
        let this = Arc::clone(self);
        let connection = Arc::clone(&self.connection);
        Wizard::new(enrolment, Box::new(move |machine| this.use_identity(machine)), connection)
    }

    /// Connects if this machine is enrolled.
    pub async fn open(&self) {
        let loaded = self.store.run(|store| {
            if let Err(error) = store.clean_up() {
                tracing::warn!(%error, "an old key stays for now");
            }
            store.load()
        });
        let state = match loaded.await {
            Ok(Some(machine)) => match self.use_identity(machine) {
                Ok(()) => return,
                Err(problem) => ConnectionState::Failed(problem),
            },
            Ok(None) => ConnectionState::Unenrolled,
            Err(error) => ConnectionState::Failed(unreadable(&error)),
        };
        self.connection.set_state(state);
    }

    /// Connects with this machine's identity, and renews it when it is due.
    fn use_identity(&self, machine: Machine) -> Result<(), Problem> {
        // The former renewal could not write anything any more.
        self.renew_with(None);
        let validity = machine.identity.validity();
        let (record, configuration) = machine.configuration().map_err(|error| unreadable(&error))?;
        let connected = connected(configuration, Some(record.pages.clone()))?;
        let renewal = validity.map(|validity| {
            let native_api = Arc::clone(&connected.native_api);
            Renewal::new(Arc::clone(&self.store), native_api, record, validity, self.random)
        });
        self.connection.set_state(ConnectionState::Connected(connected));
        self.renew_with(renewal);
        Ok(())
    }

    /// Replaces the running renewal.
    fn renew_with(&self, renewal: Option<Renewal>) {
        let renewing = renewal.map(|renewal| tauri::async_runtime::spawn(renew_when_due(renewal, self.now)));
        let mut former = self.renewing.lock();
        if let Some(former) = std::mem::replace(&mut *former, renewing) {
            former.abort();
        }
    }
}

async fn renew_when_due(mut renewal: Renewal, now: Now) {
    while renewal.renew_if_due(now()).await != Outcome::Ended {
        tokio::time::sleep(RENEWAL_CHECK_INTERVAL).await;
    }
}

fn not_configured(error: &ConfigurationError) -> Problem {
    Problem::new("configuration", 500, "The program needs another setting")
        .detail("Correct what stands below, and start the program again.")
        .field(error.field, &error.expected)
}

/// There is an enrolment, but it cannot be used. The page offers to enrol again.
fn unreadable(error: &EnrolmentStoreError) -> Problem {
    tracing::error!(%error, source = ?std::error::Error::source(error), "the identity cannot be used");
    let detail = match error {
        EnrolmentStoreError::Keys(KeyStoreError::Locked(_)) => {
            "Your system’s key store is locked. Start the program again and unlock it when you are asked.".to_owned()
        }
        EnrolmentStoreError::Keys(KeyStoreError::Unavailable(_)) => {
            "Your system’s key store, which has this machine’s key, does not answer. Start the program again when \
             you are signed in to your desktop."
                .to_owned()
        }
        error => format!("It says: {error}. Ask for access again if that does not pass."),
    };
    Problem::new("identity", 500, "This machine’s key cannot be used").detail(detail)
}
