//! What the program stands on: what the command line says, or else how this machine was enrolled.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use protocol::Problem;
use tauri::async_runtime::JoinHandle;

use crate::clock::{self, Now, Random};
use crate::configuration::{Arguments, Configuration, ConfigurationError};
use crate::connection::{Connected, Connection, Standing, unenrolled};
use crate::enrolled::{Enrolled, EnrolledError, Machine};
use crate::enrolment::{Enrolment, Wizard};
use crate::keystore::KeyStoreError;
use crate::renewal::{Outcome, Renewal};
use crate::transport::{SetUpError, Transport, Trust};

/// How often it is looked whether the certificate is to be renewed.
const LOOK: Duration = Duration::from_secs(60);

/// The way to the server that the command line describes.
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

/// The way to the server that this machine was enrolled with.
pub fn as_enrolled(enrolled: &Enrolled) -> Result<Connected, Problem> {
    let machine = enrolled.load().map_err(|error| unreadable(&error))?.ok_or_else(unenrolled)?;
    let (record, configuration) = machine.configuration().map_err(|error| unreadable(&error))?;
    connected(configuration, Some(record.pages))
}

fn connected(configuration: Configuration, pages: Option<String>) -> Result<Connected, Problem> {
    tracing::info!(server = %configuration.server, "starting");
    let device_name = configuration.identity.device_name();
    let transport = Transport::new(configuration).map_err(|error: SetUpError| {
        tracing::error!(%error, source = ?std::error::Error::source(&error), "the transport cannot be made");
        Problem::new("configuration", 500, "The program needs another setting").detail(error.to_string())
    })?;
    Ok(Connected::new(Arc::new(transport), pages, device_name))
}

/// A machine that enrols itself, and renews what it got.
#[derive(Debug)]
pub struct Enrolling {
    enrolled: Arc<Enrolled>,
    connection: Arc<Connection>,
    now: Now,
    random: Random,
    renewing: Mutex<Option<JoinHandle<()>>>,
}

impl Enrolling {
    pub fn new(enrolled: Enrolled, connection: Arc<Connection>) -> Self {
        Self {
            enrolled: Arc::new(enrolled),
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
        let enrolment = Enrolment::new(Arc::clone(&self.enrolled), system, self.random);
        let this = Arc::clone(self);
        let connection = Arc::clone(&self.connection);
        Wizard::new(enrolment, Box::new(move |machine| this.take_up(machine)), connection)
    }

    /// Finds out whether this machine is enrolled, and goes on from there.
    pub async fn open(&self) {
        let loaded = self.enrolled.run(|enrolled| {
            if let Err(error) = enrolled.clean_up() {
                tracing::warn!(%error, "an old key stays for now");
            }
            enrolled.load()
        });
        let standing = match loaded.await {
            Ok(Some(machine)) => match self.take_up(machine) {
                Ok(()) => return,
                Err(problem) => Standing::Failed(problem),
            },
            Ok(None) => Standing::Unenrolled,
            Err(error) => Standing::Failed(unreadable(&error)),
        };
        self.connection.settle(standing);
    }

    /// From now on the window stands on this machine's identity, which is renewed when it is time.
    fn take_up(&self, machine: Machine) -> Result<(), Problem> {
        // What it began with is over, and it would find nothing that it may write any more.
        self.renew_with(None);
        let validity = machine.identity.validity();
        let (record, configuration) = machine.configuration().map_err(|error| unreadable(&error))?;
        let connected = connected(configuration, Some(record.pages.clone()))?;
        let renewal = validity.map(|validity| {
            let native = Arc::clone(&connected.native);
            Renewal::new(Arc::clone(&self.enrolled), native, record, validity, self.random)
        });
        self.connection.settle(Standing::Connected(connected));
        self.renew_with(renewal);
        Ok(())
    }

    /// In place of the renewal before.
    fn renew_with(&self, renewal: Option<Renewal>) {
        let renewing = renewal.map(|renewal| tauri::async_runtime::spawn(look_after(renewal, self.now)));
        let mut former = self.renewing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(former) = std::mem::replace(&mut *former, renewing) {
            former.abort();
        }
    }
}

async fn look_after(mut renewal: Renewal, now: Now) {
    while renewal.look_after(now()).await != Outcome::Over {
        tokio::time::sleep(LOOK).await;
    }
}

fn not_configured(error: &ConfigurationError) -> Problem {
    Problem::new("configuration", 500, "The program needs another setting")
        .detail("Correct what stands below, and start the program again.")
        .field(error.field, &error.expected)
}

/// There is an enrolment, but it cannot be used. The page leads to another one.
fn unreadable(error: &EnrolledError) -> Problem {
    tracing::error!(%error, source = ?std::error::Error::source(error), "the identity cannot be used");
    let detail = match error {
        EnrolledError::Keys(KeyStoreError::Locked(_)) => {
            "Your system’s key store is locked. Start the program again and unlock it when you are asked.".to_owned()
        }
        EnrolledError::Keys(KeyStoreError::Unavailable(_)) => {
            "Your system’s key store, which has this machine’s key, does not answer. Start the program again when \
             you are signed in to your desktop."
                .to_owned()
        }
        error => format!("It says: {error}. Ask for access again if that does not pass."),
    };
    Problem::new("identity", 500, "This machine’s key cannot be used").detail(detail)
}
