//! What the window stands on: the way to the server, once it is known.
//!
//! Opening the key store may take the person's time, and enrolling takes as long as it takes; meanwhile the window is
//! there, and whoever needs the server waits here.

use std::sync::Arc;

use protocol::Problem;
use tokio::sync::watch;

use crate::native::NativeClient;
use crate::transport::Transport;

#[derive(Debug, Clone)]
pub enum Standing {
    Connected(Connected),
    Failed(Problem),
    Opening,
    /// Neither configuration nor identity.
    Unenrolled,
}

#[derive(Debug, Clone)]
pub struct Connected {
    pub transport: Arc<Transport>,
    pub native: Arc<NativeClient>,
    /// Where people ask for access, as in the `Origin` header.
    pub pages: String,
    /// The machine's name in its certificate.
    pub device_name: Option<String>,
}

#[derive(Debug)]
pub struct Connection(watch::Sender<Standing>);

impl Connection {
    pub fn opening() -> Self {
        Self(watch::Sender::new(Standing::Opening))
    }

    #[cfg(test)]
    pub fn failed(problem: Problem) -> Self {
        Self(watch::Sender::new(Standing::Failed(problem)))
    }

    #[cfg(test)]
    pub fn to(transport: Transport) -> Self {
        Self(watch::Sender::new(Standing::Connected(Connected::new(Arc::new(transport), None, None))))
    }

    pub fn settle(&self, standing: Standing) {
        self.0.send_replace(standing);
    }

    pub fn now(&self) -> Standing {
        self.0.borrow().clone()
    }

    /// Waits until it is known.
    pub async fn settled(&self) -> Standing {
        let mut standing = self.0.subscribe();
        match standing.wait_for(|standing| !matches!(standing, Standing::Opening)).await {
            Ok(standing) => standing.clone(),
            // The sender is this object's own.
            Err(_) => self.now(),
        }
    }

    /// Waits until it is known; a problem if there is no way to the server.
    pub async fn connected(&self) -> Result<Connected, Problem> {
        match self.settled().await {
            Standing::Connected(connected) => Ok(connected),
            Standing::Failed(problem) => Err(problem),
            Standing::Opening | Standing::Unenrolled => Err(unenrolled()),
        }
    }
}

impl Connected {
    pub fn new(transport: Arc<Transport>, pages: Option<String>, device_name: Option<String>) -> Self {
        let native = Arc::new(NativeClient::new(Arc::clone(&transport)));
        let pages = pages.unwrap_or_else(|| transport.server().origin());
        Self { transport, native, pages, device_name }
    }
}

pub fn unenrolled() -> Problem {
    Problem::new("not-enrolled", 503, "This machine is not set up yet")
        .detail("Open the link from the mail that approved your request with this program.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_needs_the_server_waits_until_it_is_known() {
        let connection = Arc::new(Connection::opening());
        let waiting = tokio::spawn({
            let connection = Arc::clone(&connection);
            async move { connection.connected().await.unwrap_err() }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        connection.settle(Standing::Unenrolled);
        assert!(waiting.await.unwrap().is("not-enrolled"));
        connection.settle(Standing::Failed(Problem::internal()));
        assert!(connection.connected().await.unwrap_err().is("internal"));
    }
}
