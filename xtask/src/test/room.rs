//! Whether the disk has room for what the tests build. One that fills up half-way fails in ways that do not look like it.

use std::path::Path;

use crate::places::Places;
use crate::process;

/// What a whole run from nothing leaves behind, in the clone and in the caches, and a bit.
const WANTED: u64 = 12 << 30;

/// Says so where there is less, and the clone was not built yet.
pub fn tell_of_little(places: &Places) {
    let built = places.target().join("debug").is_dir();
    if let Some(free) = free(&places.root).filter(|free| !built && *free < WANTED) {
        println!(
            "warning: {:.1} GB of disk are free, and a whole run from nothing takes up to {} GB",
            gigabytes(free),
            WANTED >> 30
        );
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
fn gigabytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 30)
}

/// Bytes that this user can still write below `folder`.
fn free(folder: &Path) -> Option<u64> {
    in_table(&process::answer(process::command("df").args(["--output=avail", "--block-size=1"]).arg(folder))?)
}

fn in_table(table: &str) -> Option<u64> {
    table.lines().nth(1)?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_df_says_is_read() {
        assert_eq!(in_table("     Avail\n8597295104\n"), Some(8_597_295_104));
        assert_eq!(in_table("df: no such option"), None);
        assert!(free(Path::new("/")).is_some());
    }
}
