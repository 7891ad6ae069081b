//! `server audit …`.

use clap::Subcommand;
use server::environment::Environment;
use store::AuditHead;

use super::print_line;

#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Prints the log's head: the newest entry's number and hash. A copy that is kept elsewhere shows later whether the log was
    /// cut or replaced (`audit verify --head`).
    Head,
    /// Checks the whole log.
    Verify {
        /// A head from before, which must still be in the log. Can be given more than once.
        #[arg(long, value_name = "NUMBER:HASH")]
        head: Vec<AuditHead>,
    },
}

impl AuditCommand {
    pub async fn run(self, env: &Environment) -> Result<(), Box<dyn std::error::Error>> {
        match self {
            Self::Head => {
                let head = env.store.read().await?.audit_log().head().await?;
                let head = head.ok_or("the audit log has no valid head: see server audit verify")?;
                print_line(&head.to_string());
            }
            Self::Verify { head } => verify(env, &head).await?,
        }
        Ok(())
    }
}

async fn verify(env: &Environment, heads: &[AuditHead]) -> Result<(), Box<dyn std::error::Error>> {
    let key = env.vault.audit_key();
    let mut tx = env.store.read().await?;
    let log = tx.audit_log().verify_with(Some(&key), heads).await?;
    let log = log.map_err(|broken| format!("the audit log is broken at {broken}"))?;
    print_line(&format!("The audit log is whole: {} entries.", log.entries));
    match log.keyed_from {
        Some(first) if first > 1 => print_line(&format!(
            "Entries 1 to {} are from a version without a key: entry {first} covers them as they were then.",
            first - 1
        )),
        _ => {}
    }
    Ok(())
}
