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

use super::print_line;

#[derive(Debug, Subcommand)]
pub enum CaCommand {
    /// Ends the trust in a superseded authority. Refused while machines depend on it.
    Retire {
        /// The id that `ca status` shows.
        id: AuthorityId,
        /// Retires it even though machines depend on it. They are shut out.
        #[arg(long)]
        force: bool,
    },
    /// Starts to issue with a new key. The previous authority stays trusted until it is retired.
    Rotate {
        /// Also creates a new root. Clients need it (/ca.pem, `ca show`) before the old one is retired.
        #[arg(long)]
        new_root: bool,
    },
    /// Prints the trusted root certificates (PEM).
    Show,
    /// Prints every authority and how many machines depend on it.
    Status,
}

impl CaCommand {
    pub async fn run(self, env: Arc<Environment>) -> Result<(), StartError> {
        match self {
            Self::Retire { id, force } => {
                let machines = retire(&env, &id, force).await?;
                print_line(&format!("{id} is retired; {machines} machines are shut out by it."));
                print_line("Servers that run take that over by themselves.");
            }
            Self::Rotate { new_root } => {
                let authority = rotate(&env, new_root).await?;
                print_line(&format!(
                    "{} is in use. Servers that run take it over by themselves.",
                    authority.id
                ));
                print_line(
                    "The one before it is trusted until it is retired: `ca status` counts the machines that need it.",
                );
                if new_root {
                    print_line(
                        "There are two roots now. Give clients, and the CA file of a proxy, both: `ca show`, /ca.pem.",
                    );
                }
            }
            Self::Show => {
                let outbox = Outbox::new(Arc::clone(&env), None);
                print_line(&Certificates::open(env, Arc::default(), outbox).await?.roots_pem());
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
        print_line(&format!("{}  {state}", one.stored.id));
        print_line(&format!("  since {}, issues until {}", date(one.stored.created_at), date(one.not_after)));
        print_line(&format!("  root  {}", one.root_fingerprint));
        print_line(&format!("  machines that depend on it: {}", one.machines));
    }
    Ok(())
}
