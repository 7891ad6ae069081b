//! Where things are: the clone, and the cache folder that holds every tool which set-up makes.

use std::path::{Path, PathBuf};

use crate::failure::{Failure, Outcome};

#[derive(Debug, Clone)]
pub struct Places {
    /// The clone.
    pub root: PathBuf,
    /// Tools, shared by all clones of one user. Deleting it only costs the next set-up its time.
    pub cache: PathBuf,
}

impl Places {
    pub fn find() -> Outcome<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .ok_or_else(|| Failure::new("xtask does not lie in a workspace"))?
            .to_path_buf();
        let base = std::env::var_os("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
            .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))
            .ok_or_else(|| Failure::new("neither XDG_CACHE_HOME nor HOME is set: no place for the tools"))?;
        Ok(Self { root, cache: base.join("ai-workflow-engine") })
    }

    /// Programs that `cargo install` makes: `tools/bin`.
    pub fn tools(&self) -> PathBuf {
        self.cache.join("tools")
    }

    /// What is needed only while a tool is built.
    pub fn scratch(&self, name: &str) -> PathBuf {
        self.cache.join("build").join(name)
    }

    pub fn log(&self, name: &str) -> PathBuf {
        self.cache.join("logs").join(format!("{name}.log"))
    }

    pub fn venv(&self, name: &str) -> PathBuf {
        self.cache.join("python").join(name)
    }

    pub fn target(&self) -> PathBuf {
        self.root.join("target")
    }

    /// What browsers load.
    pub fn site(&self) -> PathBuf {
        self.target().join("site")
    }
}
