//! Whether the servers are there, since when, and which models they have.

use std::collections::HashMap;

use ::analysis::provider::{ModelInfo, ModelState, ServerProbe};
use futures::StreamExt;
use parking_lot::Mutex;
use protocol::provider::{ModelRow, ModelState as RowState, ServerHealth};

use super::Known;

/// How many providers are asked at once.
const CONCURRENCY: usize = 8;
/// After so many seconds a page asks again itself.
const STALE_AFTER: i64 = 90;

/// By a provider's id and a server's address.
type Key = (String, String);

/// What was found when the servers were asked the last time, on this process.
#[derive(Debug, Default)]
pub(super) struct Health(Mutex<HashMap<Key, Seen>>);

#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub health: ServerHealth,
    pub models: Vec<ModelRow>,
}

impl Health {
    /// Asks the servers of these providers.
    pub async fn probe(&self, providers: &[Known], now: i64) {
        let asked = futures::stream::iter(providers.to_vec())
            .map(|known| async move {
                let probes = known.provider.probe().await;
                (known.id, probes)
            })
            .buffer_unordered(CONCURRENCY)
            .collect::<Vec<_>>()
            .await;
        let mut seen = self.0.lock();
        for (id, probes) in asked {
            for probe in probes {
                let key = (id.clone(), probe.base_url.clone());
                let after = seen_after(seen.get(&key), probe, now);
                seen.insert(key, after);
            }
        }
    }

    /// Asks those whose servers were not asked lately, and forgets those that are gone.
    pub async fn probe_stale(&self, providers: &[Known], now: i64) {
        let stale: Vec<Known> = {
            let mut seen = self.0.lock();
            seen.retain(|(id, _), _| providers.iter().any(|known| known.id == *id));
            let is_fresh = |known: &Known, url: &str| {
                let seen = seen.get(&(known.id.clone(), url.to_owned()));
                seen.is_some_and(|seen| now - seen.health.checked_at < STALE_AFTER)
            };
            let fresh = |known: &&Known| {
                let config = known.provider.config();
                is_fresh(known, &config.base_url) && config.more_urls.iter().all(|url| is_fresh(known, url))
            };
            providers.iter().filter(|known| !fresh(known)).cloned().collect()
        };
        self.probe(&stale, now).await;
    }

    pub fn of(&self, id: &str, url: &str) -> Option<Seen> {
        self.0.lock().get(&(id.to_owned(), url.to_owned())).cloned()
    }
}

fn seen_after(before: Option<&Seen>, probe: ServerProbe, now: i64) -> Seen {
    let (problem, models) = match probe.result {
        Ok(models) => (None, models.into_iter().map(row_of).collect()),
        // What it had is still what it has.
        Err(error) => {
            (Some(error.explanation()), before.map(|before| before.models.clone()).unwrap_or_default())
        }
    };
    let same = before.filter(|before| before.health.problem.is_some() == problem.is_some());
    let since = same.map_or(now, |before| before.health.since);
    let latency_ms = u64::try_from(probe.latency.as_millis()).unwrap_or(u64::MAX);
    Seen { health: ServerHealth { problem, since, latency_ms, checked_at: now }, models }
}

fn row_of(model: ModelInfo) -> ModelRow {
    ModelRow {
        name: model.name,
        vision: model.vision,
        tools: model.tools,
        reasoning: model.reasoning,
        context_tokens: model.context_tokens,
        bytes: model.bytes,
        state: match model.state {
            ModelState::Available => RowState::Available,
            ModelState::Loaded => RowState::Loaded,
            ModelState::Loading => RowState::Loading,
            ModelState::Unloaded => RowState::Unloaded,
        },
    }
}
