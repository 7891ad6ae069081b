//! Whether the disk has room for what the tests build. When it fills up half-way, the failures do not look like it.

use std::path::Path;

use crate::paths::Paths;
use crate::process;

/// What a whole run from nothing leaves behind in the clone and in the caches, with a margin.
const REQUIRED: u64 = 12 << 30;

/// Warns where there is less and the clone was not built yet.
pub fn warn_if_low(paths: &Paths) {
    let built = paths.target().join("debug").is_dir();
    if let Some(free) = free(&paths.root).filter(|free| !built && *free < REQUIRED) {
        println!(
            "warning: {:.1} GB of disk are free, and a whole run from nothing takes up to {} GB",
            gigabytes(free),
            REQUIRED >> 30
        );
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
fn gigabytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 30)
}

/// Bytes that this user can still write below `folder`.
fn free(folder: &Path) -> Option<u64> {
    parse_df(&process::stdout(process::command("df").args(["--output=avail", "--block-size=1"]).arg(folder))?)
}

fn parse_df(table: &str) -> Option<u64> {
    table.lines().nth(1)?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_output_of_df_is_parsed() {
        assert_eq!(parse_df("     Avail\n8597295104\n"), Some(8_597_295_104));
        assert_eq!(parse_df("df: no such option"), None);
        assert!(free(Path::new("/")).is_some());
    }
}
