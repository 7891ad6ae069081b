//! `server ca …`.

use std::sync::Arc;

use app::instant::date;
use clap::Subcommand;
use domain::certificate::AuthorityState;
use domain::id::AuthorityId;
use server::certificate::{Certificates, report, retire, rotate};
use server::environment::Environment;
use server::outbox::Outbox;
use server::start::StartError;

use super::say;

#[derive(Debug, Subcommand)]
pub enum CaCommand {
    /// Ends the trust in an authority that another one has superseded. Refused while machines would be shut out.
    Retire {
        /// As `ca status` shows it.
        id: AuthorityId,
        /// Also if machines are shut out by it.
        #[arg(long)]
        force: bool,
    },
    /// Puts a new issuing key into use. The one before it is trusted until it is retired.
    Rotate {
        /// A new root, too. Clients must be given it (/ca.pem, `ca show`) before the old one is retired.
        #[arg(long)]
        new_root: bool,
    },
    /// Prints the root certificates that are trusted (PEM).
    Show,
    /// Prints every authority, and how many machines depend on it.
    Status,
}

impl CaCommand {
    pub async fn run(self, env: Arc<Environment>) -> Result<(), StartError> {
        match self {
            Self::Retire { id, force } => {
                let machines = retire(&env, &id, force).await?;
                say(&format!("{id} is retired; {machines} machines are shut out by it."));
                say("Servers that run take that over by themselves.");
            }
            Self::Rotate { new_root } => {
                let made = rotate(&env, new_root).await?;
                say(&format!("{} is in use. Servers that run take it over by themselves.", made.id));
                say(
                    "The one before it is trusted until it is retired: `ca status` counts the machines that need it.",
                );
                if new_root {
                    say(
                        "There are two roots now. Give clients, and the CA file of a proxy, both: `ca show`, /ca.pem.",
                    );
                }
            }
            Self::Show => {
                let outbox = Outbox::new(Arc::clone(&env), None);
                say(&Certificates::open(env, Arc::default(), outbox).await?.roots_pem());
            }
            Self::Status => status(&env).await?,
        }
        Ok(())
    }
}

async fn status(env: &Environment) -> Result<(), StartError> {
    for one in report(env).await? {
        let state = match one.stored.state() {
            AuthorityState::InUse => "in use",
            AuthorityState::Superseded => "superseded",
            AuthorityState::Retired => "retired",
        };
        say(&format!("{}  {state}", one.stored.id));
        say(&format!("  since {}, issues until {}", date(one.stored.created_at), date(one.not_after)));
        say(&format!("  root  {}", one.root_fingerprint));
        say(&format!("  machines that depend on it: {}", one.machines));
    }
    Ok(())
}
