//! The person's way through an enrolment: what was confirmed so far, and what comes next.
//!
//! Each page carries the number of what it shows, and only that can be confirmed with it: a link that arrives while
//! somebody reads another one's page changes nothing of what their button does.

use std::sync::Arc;

use http::{Method, Request, Response};
use protocol::Problem;
use tauri::Url;
use tokio::sync::Mutex;

use super::pages::{self, Shown};
use super::{Done, Enrolment, Met, Opened, Stopped};
use crate::clock::Random;
use crate::configuration::Server;
use crate::connection::{Connection, Standing};
use crate::enrolled::Machine;
use crate::keystore::Place;
use crate::link::{Fingerprint, Link};

/// What to do with a machine that was just enrolled.
pub type OnEnrolled = Box<dyn Fn(Machine) -> Result<(), Problem> + Send + Sync>;

pub struct Wizard {
    enrolment: Enrolment,
    enrolled: OnEnrolled,
    connection: Arc<Connection>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The server's own pages share their origin with these. While nobody wants to enrol, they lead nowhere.
    unlocked: bool,
    /// Random, so that nobody can guess what the next page will confirm. `None` confirms nothing.
    number: Option<String>,
    stage: Stage,
    /// What was wrong with the last step; it stands where it happened.
    problem: Option<Problem>,
}

#[derive(Default)]
pub enum Stage {
    /// For a link. With what was typed, if it is none.
    #[default]
    Waiting,
    NotALink(String),
    /// Nothing was contacted yet.
    Linked(Link),
    /// The link did not tell how to recognise the server.
    Met(Met),
    /// The match code is wanted.
    Opened(Box<Opened>),
    Done(Finished),
}

/// What the last page tells.
pub struct Finished {
    pub device_name: Option<String>,
    pub server: Server,
    pub place: Place,
    pub setup: Option<Url>,
}

impl Wizard {
    pub fn new(enrolment: Enrolment, enrolled: OnEnrolled, connection: Arc<Connection>) -> Self {
        Self { enrolment, enrolled, connection, state: Mutex::default() }
    }

    /// From now on the pages can be used.
    pub async fn unlock(&self) {
        self.state.lock().await.unlock(self.enrolment.random);
    }

    pub async fn is_unlocked(&self) -> bool {
        self.state.lock().await.unlocked
    }

    /// A link that this program was opened with. Nothing is contacted before the person confirms it.
    pub async fn take(&self, link: &str) {
        let mut state = self.state.lock().await;
        state.unlock(self.enrolment.random);
        state.begin(link, self.enrolment.random);
    }

    /// Answers a request for one of the pages.
    pub async fn answer(&self, request: &Request<Vec<u8>>) -> Response<Vec<u8>> {
        let mut state = self.state.lock().await;
        if request.method() == Method::POST && state.unlocked {
            let form = Form::read(request.body());
            if form.is_of(state.number.as_deref()) {
                self.go_on(&mut state, request.uri().path(), &form).await;
            }
        }
        if !state.unlocked && !matches!(state.stage, Stage::Done(_)) {
            return pages::closed();
        }
        let former = match state.stage {
            Stage::Linked(_) | Stage::Met(_) | Stage::Opened(_) => self.enrolment.former().await,
            Stage::Done(_) | Stage::NotALink(_) | Stage::Waiting => None,
        };
        pages::page(&Shown {
            number: state.number.as_deref().unwrap_or_default(),
            stage: &state.stage,
            former: former.as_ref(),
            problem: state.problem.as_ref(),
        })
    }

    async fn go_on(&self, state: &mut State, path: &str, form: &Form) {
        let random = self.enrolment.random;
        match path.strip_prefix(pages::ENROL) {
            Some("/link") => state.begin(&form.value("link"), random),
            Some("/cancel") => {
                // Whoever has a server goes back to it.
                let unlocked = !matches!(self.connection.now(), Standing::Connected(_));
                state.arrive(Stage::Waiting, random);
                state.unlocked = unlocked;
            }
            Some("/confirm") => self.confirm(state, form).await,
            Some("/code") => self.redeem(state, form.value("match_code").trim()).await,
            _ => {}
        }
    }

    /// The person takes the host, or a fingerprint, for the right one.
    async fn confirm(&self, state: &mut State, form: &Form) {
        let next = match &state.stage {
            Stage::Linked(link) => match (self.enrolment.meet(link).await, link.authority) {
                (Ok(met), Some(told)) => self.open(met, told).await,
                (Ok(met), None) => Ok(Stage::Met(met)),
                (Err(stopped), _) => Err(problem(&stopped, &link.server)),
            },
            Stage::Met(met) => match form.value("ca").parse() {
                Ok(compared) => self.open(met.clone(), compared).await,
                Err(_) => return,
            },
            Stage::Done(_) | Stage::NotALink(_) | Stage::Opened(_) | Stage::Waiting => return,
        };
        self.settle(state, next);
    }

    async fn open(&self, met: Met, confirmed: Fingerprint) -> Result<Stage, Problem> {
        let server = met.server().clone();
        let opened =
            self.enrolment.open(met, confirmed).await.map_err(|stopped| problem(&stopped, &server))?;
        Ok(Stage::Opened(Box::new(opened)))
    }

    /// Never without a code, whatever the server says: one press of a button shall not replace an enrolment.
    async fn redeem(&self, state: &mut State, match_code: &str) {
        let Stage::Opened(opened) = &state.stage else { return };
        if match_code.is_empty() {
            let words = "Enter the match code that was shown when you asked for access.";
            state.problem = Some(Problem::invalid_input().field("match_code", words));
            return;
        }
        let next = match self.enrolment.redeem(opened, match_code).await {
            Ok(done) => self.finish(done, opened.server().clone()),
            Err(stopped) => Err(problem(&stopped, opened.server())),
        };
        self.settle(state, next);
    }

    fn finish(&self, done: Done, server: Server) -> Result<Stage, Problem> {
        let Done { machine, setup } = done;
        let (device_name, place) = (machine.identity.device_name(), machine.record.kept_in);
        (self.enrolled)(machine)?;
        Ok(Stage::Done(Finished { device_name, server, place, setup }))
    }

    fn settle(&self, state: &mut State, next: Result<Stage, Problem>) {
        match next {
            Ok(stage) => {
                state.unlocked &= !matches!(stage, Stage::Done(_));
                state.arrive(stage, self.enrolment.random);
            }
            Err(problem) => state.problem = Some(problem),
        }
    }
}

impl State {
    fn unlock(&mut self, random: Random) {
        self.unlocked = true;
        // What was done before is over.
        if self.number.is_none() || matches!(self.stage, Stage::Done(_)) {
            self.arrive(Stage::Waiting, random);
        }
    }

    fn begin(&mut self, text: &str, random: Random) {
        match text.parse::<Link>() {
            Ok(link) => self.arrive(Stage::Linked(link), random),
            Err(error) => {
                self.arrive(Stage::NotALink(text.chars().take(1024).collect()), random);
                self.problem = Some(Problem::invalid_input().field("link", error.to_string()));
            }
        }
    }

    /// At another stage, whose page has another number.
    fn arrive(&mut self, stage: Stage, random: Random) {
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

fn problem(stopped: &Stopped, server: &Server) -> Problem {
    tracing::warn!(error = %stopped, source = ?std::error::Error::source(&stopped.why), "the enrolment went no further");
    stopped.problem(server)
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
