//! Runs of workflows.

use serde::Deserialize;

use super::source::ConfigReader;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Workflows {
    /// Until another server takes over the runs of one that gives no sign of life, in seconds.
    pub lease_seconds: u32,
    /// How long the checkpoints of a run are kept after its end, in days.
    pub keep_days: u32,
    /// The hosts that workflows may send HTTP requests to: a name or an address, with a port if it is not the scheme's.
    pub http_hosts: Vec<String>,
}

impl Default for Workflows {
    fn default() -> Self {
        Self { lease_seconds: 30, keep_days: 30, http_hosts: Vec::new() }
    }
}

impl Workflows {
    pub(super) fn read(reader: &mut ConfigReader) -> Self {
        let section: Self = reader.section("workflows");
        reader.range("workflows.lease_seconds", section.lease_seconds, 1, 3_600);
        reader.range("workflows.keep_days", section.keep_days, 1, 3_650);
        let plain = |host: &String| {
            !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.:[]".contains(&b))
        };
        reader.ensure(
            section.http_hosts.iter().all(plain),
            "workflows.http_hosts",
            "expected hosts, such as [\"api.example.org\", \"10.0.0.5:8080\"]",
        );
        section
    }
}
