//! The person's way through an enrolment: what was confirmed so far, and what comes next.
//!
//! Each page carries the number of what it shows, and only that can be confirmed with it: a link that arrives while
//! somebody reads another one's page changes nothing of what their button does.

use std::sync::atomic::{AtomicBool, Ordering};

use http::{Method, Request, Response};
use protocol::Problem;
use tauri::Url;
use tokio::sync::Mutex;

use super::{Done, Enrolment, EnrolmentError, Met, Opened, pages};
use crate::configuration::Server;
use crate::enrolled::Machine;
use crate::keystore::Place;
use crate::link::Link;

/// What to do with a machine that was just enrolled.
pub type OnEnrolled = Box<dyn Fn(Machine) -> Result<(), Problem> + Send + Sync>;

pub struct Wizard {
    enrolment: Enrolment,
    enrolled: OnEnrolled,
    stage: Mutex<Numbered>,
    /// The server's own pages share their origin with these. While nobody wants to enrol, they lead nowhere.
    unlocked: AtomicBool,
}

#[derive(Default)]
struct Numbered {
    number: u64,
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
    pub fn new(enrolment: Enrolment, enrolled: OnEnrolled) -> Self {
        Self { enrolment, enrolled, stage: Mutex::default(), unlocked: AtomicBool::new(false) }
    }

    /// From now on the pages can be used.
    pub fn unlock(&self) {
        self.unlocked.store(true, Ordering::Relaxed);
    }

    /// A link that this program was opened with. Nothing is contacted before the person confirms it.
    pub async fn take(&self, link: &str) {
        self.unlock();
        self.stage.lock().await.begin(link);
    }

    /// Answers a request for one of the pages.
    pub async fn answer(&self, request: &Request<Vec<u8>>) -> Response<Vec<u8>> {
        let mut numbered = self.stage.lock().await;
        if !self.unlocked.load(Ordering::Relaxed) && !matches!(numbered.stage, Stage::Done(_)) {
            return pages::closed();
        }
        if request.method() == Method::POST {
            let form = Form::read(request.body());
            match request.uri().path().strip_prefix(pages::ENROL) {
                Some("/link") => numbered.begin(&form.value("link")),
                Some("/cancel") => {
                    *numbered = Numbered { number: numbered.number + 1, ..Numbered::default() }
                }
                Some("/confirm") if form.is_of(numbered.number) => self.confirm(&mut numbered).await,
                Some("/code") if form.is_of(numbered.number) => {
                    self.redeem(&mut numbered, &form.value("match_code")).await;
                }
                _ => {}
            }
        }
        pages::page(numbered.number, &numbered.stage, numbered.problem.as_ref())
    }

    /// The person takes the host, or the fingerprint, for the right one.
    async fn confirm(&self, numbered: &mut Numbered) {
        let next = match &numbered.stage {
            Stage::Linked(link) => match self.enrolment.meet(link).await {
                Ok(met) if link.authority.is_none() => Ok(Stage::Met(met)),
                Ok(met) => self.open(met).await,
                Err(error) => Err(problem(&error, &link.server)),
            },
            Stage::Met(met) => self.open(met.clone()).await,
            Stage::Done(_) | Stage::NotALink(_) | Stage::Opened(_) | Stage::Waiting => return,
        };
        numbered.go_on(next);
        if let Stage::Opened(opened) = &numbered.stage
            && !opened.offer.needs_match_code
        {
            self.redeem(numbered, "").await;
        }
    }

    async fn open(&self, met: Met) -> Result<Stage, Problem> {
        let server = met.server().clone();
        let opened = self.enrolment.open(met).await.map_err(|error| problem(&error, &server))?;
        Ok(Stage::Opened(Box::new(opened)))
    }

    async fn redeem(&self, numbered: &mut Numbered, match_code: &str) {
        let Stage::Opened(opened) = &numbered.stage else { return };
        let next = match self.enrolment.redeem(opened, match_code).await {
            Ok(done) => self.finish(done, opened.server().clone()),
            Err(error) => Err(problem(&error, opened.server())),
        };
        numbered.go_on(next);
    }

    fn finish(&self, done: Done, server: Server) -> Result<Stage, Problem> {
        let Done { machine, setup } = done;
        let (device_name, place) = (machine.identity.device_name(), machine.record.kept_in);
        (self.enrolled)(machine)?;
        self.unlocked.store(false, Ordering::Relaxed);
        Ok(Stage::Done(Finished { device_name, server, place, setup }))
    }
}

impl Numbered {
    fn begin(&mut self, text: &str) {
        self.number += 1;
        (self.stage, self.problem) = match text.parse::<Link>() {
            Ok(link) => (Stage::Linked(link), None),
            Err(error) => {
                let problem = Problem::invalid_input().field("link", error.to_string());
                (Stage::NotALink(text.chars().take(1024).collect()), Some(problem))
            }
        };
    }

    fn go_on(&mut self, next: Result<Stage, Problem>) {
        match next {
            Ok(stage) => *self = Self { number: self.number + 1, stage, problem: None },
            Err(problem) => self.problem = Some(problem),
        }
    }
}

fn problem(error: &EnrolmentError, server: &Server) -> Problem {
    tracing::warn!(%error, source = ?std::error::Error::source(error), "the enrolment went no further");
    error.problem(server)
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

    fn is_of(&self, number: u64) -> bool {
        self.value("number") == number.to_string()
    }
}

impl std::fmt::Debug for Wizard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wizard").field("unlocked", &self.unlocked).finish_non_exhaustive()
    }
}
