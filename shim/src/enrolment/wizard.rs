//! The state of an enrolment between two pages: what the person has confirmed so far, and what comes next.
//!
//! Each page carries the number of what it shows, and only that can be confirmed with it: a link that arrives while
//! somebody reads another one's page changes nothing of what their button does.

use std::sync::Arc;

use http::{Method, Request, Response};
use protocol::Problem;
use tauri::Url;
use tokio::sync::Mutex;

use super::pages::{self, PageContext};
use super::{Completed, Contacted, Enrolment, EnrolmentFailed, Verified};
use crate::clock::Random;
use crate::configuration::Server;
use crate::connection::{Connection, ConnectionState};
use crate::enrolment_store::Machine;
use crate::keystore::KeyLocation;
use crate::link::{Fingerprint, Link};

/// What to do with a machine that was just enrolled.
pub type OnEnrolled = Box<dyn Fn(Machine) -> Result<(), Problem> + Send + Sync>;

pub struct Wizard {
    enrolment: Enrolment,
    on_enrolled: OnEnrolled,
    connection: Arc<Connection>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The server's own pages share their origin with these. While nobody wants to enrol, these redirect back.
    unlocked: bool,
    /// Random, so that nobody can guess what the next page will confirm. `None` confirms nothing.
    number: Option<String>,
    stage: Stage,
    /// What was wrong with the last step; shown on its page.
    problem: Option<Problem>,
}

#[derive(Default)]
pub enum Stage {
    #[default]
    AwaitingLink,
    /// With what was typed.
    InvalidLink(String),
    /// Nothing was contacted yet.
    Linked(Link),
    /// The link did not say how to recognise the server, so the person compares fingerprints.
    Contacted(Contacted),
    /// The person enters the match code.
    Verified(Box<Verified>),
    Completed(Finished),
}

/// What the last page shows.
pub struct Finished {
    pub device_name: Option<String>,
    pub server: Server,
    pub location: KeyLocation,
    pub setup: Option<Url>,
}

impl Wizard {
    pub fn new(enrolment: Enrolment, on_enrolled: OnEnrolled, connection: Arc<Connection>) -> Self {
        Self { enrolment, on_enrolled, connection, state: Mutex::default() }
    }

    /// From now on the pages can be used.
    pub async fn unlock(&self) {
        self.state.lock().await.unlock(self.enrolment.random);
    }

    pub async fn is_unlocked(&self) -> bool {
        self.state.lock().await.unlocked
    }

    /// Shows a link that this program was opened with. Nothing is contacted before the person confirms it.
    pub async fn accept_link(&self, link: &str) {
        let mut state = self.state.lock().await;
        state.unlock(self.enrolment.random);
        state.begin(link, self.enrolment.random);
    }

    /// Answers a request for one of the pages.
    pub async fn handle(&self, request: &Request<Vec<u8>>) -> Response<Vec<u8>> {
        let mut state = self.state.lock().await;
        if request.method() == Method::POST && state.unlocked {
            let form = Form::read(request.body());
            if form.is_of(state.number.as_deref()) {
                self.handle_form(&mut state, request.uri().path(), &form).await;
            }
        }
        if !state.unlocked && !matches!(state.stage, Stage::Completed(_)) {
            return pages::closed();
        }
        let existing = match state.stage {
            Stage::Linked(_) | Stage::Contacted(_) | Stage::Verified(_) => self.enrolment.existing().await,
            Stage::Completed(_) | Stage::InvalidLink(_) | Stage::AwaitingLink => None,
        };
        pages::page(&PageContext {
            number: state.number.as_deref().unwrap_or_default(),
            stage: &state.stage,
            existing: existing.as_ref(),
            problem: state.problem.as_ref(),
        })
    }

    async fn handle_form(&self, state: &mut State, path: &str, form: &Form) {
        let random = self.enrolment.random;
        match path.strip_prefix(pages::ENROL) {
            Some("/link") => state.begin(&form.value("link"), random),
            Some("/cancel") => {
                // Whoever has a server goes back to it.
                let unlocked = !matches!(self.connection.state(), ConnectionState::Connected(_));
                state.enter(Stage::AwaitingLink, random);
                state.unlocked = unlocked;
            }
            Some("/confirm") => self.confirm(state, form).await,
            Some("/code") => self.redeem(state, form.value("match_code").trim()).await,
            _ => {}
        }
    }

    /// The person says that the host, or a fingerprint, is the right one.
    async fn confirm(&self, state: &mut State, form: &Form) {
        let next = match &state.stage {
            Stage::Linked(link) => match (self.enrolment.contact(link).await, link.authority) {
                (Ok(contacted), Some(expected)) => self.verify(contacted, expected).await,
                (Ok(contacted), None) => Ok(Stage::Contacted(contacted)),
                (Err(failed), _) => Err(problem(&failed, &link.server)),
            },
            Stage::Contacted(contacted) => match form.value("ca").parse() {
                Ok(compared) => self.verify(contacted.clone(), compared).await,
                Err(_) => return,
            },
            Stage::Completed(_) | Stage::InvalidLink(_) | Stage::Verified(_) | Stage::AwaitingLink => return,
        };
        self.apply(state, next);
    }

    async fn verify(&self, contacted: Contacted, confirmed: Fingerprint) -> Result<Stage, Problem> {
        let server = contacted.server().clone();
        let verified =
            self.enrolment.verify(contacted, confirmed).await.map_err(|failed| problem(&failed, &server))?;
        Ok(Stage::Verified(Box::new(verified)))
    }

    /// Never without a code, whatever the server says: pressing one button must not replace an enrolment.
    async fn redeem(&self, state: &mut State, match_code: &str) {
        let Stage::Verified(verified) = &state.stage else { return };
        if match_code.is_empty() {
            let words = "Enter the match code you were shown when you requested access.";
            state.problem = Some(Problem::invalid_input().field("match_code", words));
            return;
        }
        let next = match self.enrolment.redeem(verified, match_code).await {
            Ok(done) => self.finish(done, verified.server().clone()),
            Err(failed) => Err(problem(&failed, verified.server())),
        };
        self.apply(state, next);
    }

    fn finish(&self, done: Completed, server: Server) -> Result<Stage, Problem> {
        let Completed { machine, setup } = done;
        let (device_name, location) = (machine.identity.device_name(), machine.record.key_location);
        (self.on_enrolled)(machine)?;
        Ok(Stage::Completed(Finished { device_name, server, location, setup }))
    }

    fn apply(&self, state: &mut State, next: Result<Stage, Problem>) {
        match next {
            Ok(stage) => {
                state.unlocked &= !matches!(stage, Stage::Completed(_));
                state.enter(stage, self.enrolment.random);
            }
            Err(problem) => state.problem = Some(problem),
        }
    }
}

impl State {
    fn unlock(&mut self, random: Random) {
        self.unlocked = true;
        // What was finished before does not matter any more.
        if self.number.is_none() || matches!(self.stage, Stage::Completed(_)) {
            self.enter(Stage::AwaitingLink, random);
        }
    }

    fn begin(&mut self, text: &str, random: Random) {
        match text.parse::<Link>() {
            Ok(link) => self.enter(Stage::Linked(link), random),
            Err(error) => {
                self.enter(Stage::InvalidLink(text.chars().take(1024).collect()), random);
                self.problem = Some(Problem::invalid_input().field("link", error.to_string()));
            }
        }
    }

    /// Goes to another stage, whose page has another number.
    fn enter(&mut self, stage: Stage, random: Random) {
        let mut number = [0; 16];
        let drawn = random(&mut number);
        self.number = drawn.then(|| hex::encode(number));
        self.stage = stage;
        self.problem = (!drawn).then(|| {
            Problem::new("enrolment", 500, "This system gives no random numbers")
                .detail("Start the program again.")
        });
    }
}

fn problem(failed: &EnrolmentFailed, server: &Server) -> Problem {
    tracing::warn!(error = %failed, source = ?std::error::Error::source(&failed.cause), "the enrolment failed");
    failed.problem(server)
}

/// A form's fields, as browsers write them.
struct Form(Option<Url>);

impl Form {
    fn read(body: &[u8]) -> Self {
        let text = std::str::from_utf8(body).ok();
        Self(text.and_then(|text| Url::parse(&format!("form:?{text}")).ok()))
    }

    fn value(&self, name: &str) -> String {
        let fields = self.0.iter().flat_map(Url::query_pairs);
        fields
            .into_iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
            .unwrap_or_default()
    }

    fn is_of(&self, number: Option<&str>) -> bool {
        number.is_some_and(|number| self.value("number") == number)
    }
}

impl std::fmt::Debug for Wizard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wizard").finish_non_exhaustive()
    }
}
