//! The clone, and the cache folder with the tools that set-up installs.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

#[derive(Debug, Clone)]
pub struct Paths {
    /// The clone.
    pub root: PathBuf,
    /// Tools, shared by all clones of one user. Deleting it only costs the next set-up its time.
    pub cache: PathBuf,
}

impl Paths {
    pub fn find() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .ok_or_else(|| Error::new("xtask does not lie in a workspace"))?
            .to_path_buf();
        let base = std::env::var_os("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
            .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))
            .ok_or_else(|| {
                Error::new("neither XDG_CACHE_HOME nor HOME is set: there is nowhere to put the tools")
            })?;
        Ok(Self { root, cache: base.join("ai-workflow-engine") })
    }

    /// Programs that `cargo install` makes: `tools/bin`.
    pub fn tools(&self) -> PathBuf {
        self.cache.join("tools")
    }

    /// A folder that is needed only while a tool is built.
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
