//! The providers in force.

use std::sync::Arc;

use parking_lot::RwLock;

use super::config::selectable_names;
use super::interface::Provider;

/// The providers in force; the first is the default. They may be replaced while questions are answered: a question keeps those
/// that it began with.
#[derive(Debug, Clone)]
pub struct ProviderSet(Arc<RwLock<Providers>>);

type Providers = Arc<[Arc<dyn Provider>]>;

impl ProviderSet {
    pub fn new(providers: Vec<Arc<dyn Provider>>) -> Self {
        Self(Arc::new(RwLock::new(providers.into())))
    }

    pub fn current(&self) -> Providers {
        Arc::clone(&self.0.read())
    }

    pub fn replace(&self, providers: Vec<Arc<dyn Provider>>) {
        *self.0.write() = providers.into();
    }

    /// What a mode can name: the model servers, and last the built-in reader.
    pub fn names(&self) -> Vec<String> {
        selectable_names(self.current().iter().map(|provider| provider.config()))
    }
}
