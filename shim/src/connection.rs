//! The connection to the server, once it is known.
//!
//! The system may ask the user to unlock the key store, and enrolling takes its time. Meanwhile the window is open, and
//! whoever needs the server waits here.

use std::sync::Arc;

use protocol::Problem;
use tokio::sync::watch;

use crate::native_api::NativeApiClient;
use crate::transport::Transport;

#[derive(Debug, Clone)]
pub enum ConnectionState {
    Connected(Connected),
    Failed(Problem),
    Opening,
    /// Neither configuration nor identity.
    Unenrolled,
}

#[derive(Debug, Clone)]
pub struct Connected {
    pub transport: Arc<Transport>,
    pub native_api: Arc<NativeApiClient>,
    /// Where people ask for access, as in the `Origin` header.
    pub pages: String,
    /// The machine's name in its certificate.
    pub device_name: Option<String>,
}

#[derive(Debug)]
pub struct Connection(watch::Sender<ConnectionState>);

impl Connection {
    pub fn opening() -> Self {
        Self(watch::Sender::new(ConnectionState::Opening))
    }

    #[cfg(test)]
    pub fn failed(problem: Problem) -> Self {
        Self(watch::Sender::new(ConnectionState::Failed(problem)))
    }

    #[cfg(test)]
    pub fn to(transport: Transport) -> Self {
        Self(watch::Sender::new(ConnectionState::Connected(Connected::new(Arc::new(transport), None, None))))
    }

    pub fn set_state(&self, state: ConnectionState) {
        self.0.send_replace(state);
    }

    pub fn state(&self) -> ConnectionState {
        self.0.borrow().clone()
    }

    /// Waits while the state is [`ConnectionState::Opening`].
    pub async fn settled(&self) -> ConnectionState {
        let mut state = self.0.subscribe();
        match state.wait_for(|state| !matches!(state, ConnectionState::Opening)).await {
            Ok(state) => state.clone(),
            // The sender is this object's own.
            Err(_) => self.state(),
        }
    }

    /// Waits likewise; a problem if there is no connection.
    pub async fn connected(&self) -> Result<Connected, Problem> {
        match self.settled().await {
            ConnectionState::Connected(connected) => Ok(connected),
            ConnectionState::Failed(problem) => Err(problem),
            ConnectionState::Opening | ConnectionState::Unenrolled => Err(unenrolled()),
        }
    }
}

impl Connected {
    pub fn new(transport: Arc<Transport>, pages: Option<String>, device_name: Option<String>) -> Self {
        let native_api = Arc::new(NativeApiClient::new(Arc::clone(&transport)));
        let pages = pages.unwrap_or_else(|| transport.server().origin());
        Self { transport, native_api, pages, device_name }
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
    async fn requests_wait_until_the_connection_is_known() {
        let connection = Arc::new(Connection::opening());
        let waiting = tokio::spawn({
            let connection = Arc::clone(&connection);
            async move { connection.connected().await.unwrap_err() }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        connection.set_state(ConnectionState::Unenrolled);
        assert!(waiting.await.unwrap().is("not-enrolled"));
        connection.set_state(ConnectionState::Failed(Problem::internal()));
        assert!(connection.connected().await.unwrap_err().is("internal"));
    }
}
