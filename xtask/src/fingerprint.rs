//! Whether files changed since a step last ran, from the path, size and modification time of each: an unchanged tree costs
//! milliseconds.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use crate::error::{Context, Result};

/// A hash of all files under `inputs` (files or folders, whether they exist or not) and of `words`.
pub fn compute(inputs: &[PathBuf], words: &[&str]) -> Result<String> {
    let mut hasher = DefaultHasher::new();
    words.hash(&mut hasher);
    for input in inputs {
        add(input, &mut hasher)?;
    }
    Ok(format!("{:016x}", hasher.finish()))
}

/// Whether `stamp` holds `sum`, so the step need not run.
pub fn matches(stamp: &Path, sum: &str) -> bool {
    fs::read_to_string(stamp).is_ok_and(|text| text == sum)
}

pub fn write(stamp: &Path, sum: &str) -> Result {
    if let Some(folder) = stamp.parent() {
        fs::create_dir_all(folder).context(format_args!("making {}", folder.display()))?;
    }
    fs::write(stamp, sum).context(format_args!("writing {}", stamp.display()))
}

fn add(path: &Path, hasher: &mut DefaultHasher) -> Result {
    let Ok(about) = fs::metadata(path) else {
        (path, "absent").hash(hasher);
        return Ok(());
    };
    if about.is_dir() {
        if path.file_name().is_some_and(|name| name == "node_modules" || name == "target") {
            return Ok(());
        }
        let entries = fs::read_dir(path).context(format_args!("reading {}", path.display()))?;
        let mut below: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        below.sort();
        return below.iter().try_for_each(|path| add(path, hasher));
    }
    let changed = about.modified().context(format_args!("reading {}", path.display()))?;
    (path, about.len(), changed).hash(hasher);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_added_or_removed_file_changes_the_sum() {
        let folder = std::env::temp_dir().join(format!("aiwe-fingerprint-{}", std::process::id()));
        fs::create_dir_all(folder.join("node_modules")).unwrap();
        fs::write(folder.join("one"), "1").unwrap();
        let inputs = [folder.clone()];
        let first = compute(&inputs, &["a"]).unwrap();
        assert_eq!(compute(&inputs, &["a"]).unwrap(), first);
        assert_ne!(compute(&inputs, &["b"]).unwrap(), first);

        fs::write(folder.join("node_modules/tool"), "x").unwrap();
        assert_eq!(compute(&inputs, &["a"]).unwrap(), first, "installed tools are no input");

        fs::write(folder.join("one"), "22").unwrap();
        let second = compute(&inputs, &["a"]).unwrap();
        assert_ne!(second, first);
        fs::write(folder.join("two"), "").unwrap();
        assert_ne!(compute(&inputs, &["a"]).unwrap(), second);
        fs::remove_dir_all(&folder).unwrap();
    }
}
