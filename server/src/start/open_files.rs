//! The limit of open files. Each connection is one, so too low a limit would let connections take what the database needs.

/// What is left for everything but connections: database, model servers, the reader's processes, files of the pages.
const OTHER_FILES: u64 = 256;
const LISTENERS: u64 = 2;

/// Raises this process' limit of open files as far as the system allows it, which by default is far below that. Returns the
/// limit. `None`: there is none, or it is not known.
#[cfg(unix)]
pub(super) fn raise_limit() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return limit.current;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        Ok(()) => limit.maximum,
        Err(error) => {
            tracing::debug!(%error, "the limit of open files could not be raised");
            limit.current
        }
    }
}

#[cfg(not(unix))]
pub(super) fn raise_limit() -> Option<u64> {
    None
}

/// How many connections each listener takes: at most `wanted`, and so few that both together leave files for the rest.
pub(super) fn connections_per_listener(wanted: usize, open_files: Option<u64>) -> usize {
    let Some(files) = open_files else { return wanted };
    let left = files.saturating_sub(OTHER_FILES.min(files / 2));
    let possible = usize::try_from(left / LISTENERS).unwrap_or(usize::MAX).max(1);
    if possible < wanted {
        tracing::warn!(
            wanted,
            possible,
            open_files = files,
            "too few open files are allowed for limits.connections (ulimit -n, LimitNOFILE)"
        );
    }
    wanted.min(possible)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_listeners_together_leave_files() {
        for (wanted, files, expected) in [
            (4_096, None, 4_096),
            (4_096, Some(1_048_576), 4_096),
            (4_096, Some(1_024), 384),
            (100, Some(1_024), 100),
            (4_096, Some(256), 64),
            (4_096, Some(0), 1),
        ] {
            assert_eq!(connections_per_listener(wanted, files), expected, "{files:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_limit_is_raised_to_what_the_system_allows() {
        let raised = raise_limit();
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        assert_eq!((limit.current, raised), (limit.maximum, limit.maximum));
    }
}
