//! The log on standard error, as text or JSON. It holds no personal data.

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

use crate::config::{Log, LogFormat};

/// Installs the global subscriber. Does nothing when there is one already, as in tests.
pub fn init(log: &Log) {
    let installed = subscriber(log, std::io::stderr).try_init();
    drop(installed);
}

/// The subscriber that the configuration describes. From level debug on, each span writes a line with its duration when it
/// closes; at info, these lines would only repeat those of the requests.
pub fn subscriber<W>(log: &Log, writer: W) -> impl Subscriber + Send + Sync + use<W>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    // The configuration has checked the directives, so the fallback is not expected.
    let filter = EnvFilter::try_new(&log.level).unwrap_or_else(|_| EnvFilter::new("warn"));
    let is_debug = filter.max_level_hint().is_none_or(|level| level >= LevelFilter::DEBUG);
    let spans = if is_debug { FmtSpan::CLOSE } else { FmtSpan::NONE };
    let lines = fmt::layer().with_span_events(spans).with_writer(writer);
    let lines = match log.format {
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
        LogFormat::Text => lines.boxed(),
    };
    tracing_subscriber::registry().with(filter).with(lines)
}
