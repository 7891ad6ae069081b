//! A state with every kind of channel, and nodes made of closures.

use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;

use async_trait::async_trait;
use workflow::{
    Context, Event, EventSink, GraphBuilder, Node, NodeError, NodeOutput, SinkClosed, WorkflowState, add,
    append, maximum,
};

workflow::channels! {
    #[derive(Debug, Default, PartialEq)]
    pub struct State, Update {
        /// One node per superstep may write it.
        answer: String,
        trace: Vec<String> => append,
        total: i64 => add,
        best: i64 => maximum,
        inputs: Vec<i64> => append,
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Failure(pub String);

/// What the nodes count: effects, by name.
#[derive(Debug, Default)]
pub struct Services {
    effects: Mutex<Vec<String>>,
}

impl Services {
    pub fn record(&self, effect: &str) -> usize {
        let mut effects = self.effects.lock().unwrap();
        effects.push(effect.to_owned());
        effects.iter().filter(|other| *other == effect).count()
    }

    pub fn count(&self, effect: &str) -> usize {
        self.effects.lock().unwrap().iter().filter(|other| *other == effect).count()
    }
}

pub type Output = NodeOutput<Update>;
pub type Error = NodeError<Update, Failure>;
pub type Result = std::result::Result<Output, Error>;
pub type Builder = GraphBuilder<State, Services, Failure>;
pub type Graph = workflow::Graph<State, Services, Failure>;
type Running<'a> = Pin<Box<dyn Future<Output = Result> + Send + 'a>>;

/// A node made of a closure.
pub struct Function<F> {
    name: &'static str,
    run: F,
}

pub fn function<F>(name: &'static str, run: F) -> Function<F>
where
    F: for<'a> Fn(&'a State, &'a Context<'a, Services>) -> Running<'a> + Send + Sync,
{
    Function { name, run }
}

#[async_trait]
impl<F> Node<State, Services, Failure> for Function<F>
where
    F: for<'a> Fn(&'a State, &'a Context<'a, Services>) -> Running<'a> + Send + Sync,
{
    fn name(&self) -> &str {
        self.name
    }

    async fn run(&self, state: &State, context: &Context<'_, Services>) -> Result {
        (self.run)(state, context).await
    }
}

/// A node that adds its name to the trace and counts an effect of its name.
pub fn step(name: &'static str) -> impl Node<State, Services, Failure> {
    function(name, move |_, context| {
        Box::pin(async move {
            context.services().record(name);
            Ok(traced(name))
        })
    })
}

pub fn traced(name: &str) -> Output {
    NodeOutput::update(Update { trace: Some(vec![name.to_owned()]), ..Update::default() })
}

pub fn failure(words: &str) -> Error {
    NodeError::new(words, Failure(words.to_owned()))
}

/// Keeps all events.
#[derive(Debug, Default)]
pub struct Recorded {
    events: Mutex<Vec<Event>>,
}

impl Recorded {
    pub fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap().clone()
    }
}

#[async_trait]
impl EventSink for Recorded {
    async fn emit(&self, event: Event) -> std::result::Result<(), SinkClosed> {
        self.events.lock().unwrap().push(event);
        Ok(())
    }

    fn wants_updates(&self) -> bool {
        true
    }
}

pub async fn run(
    graph: &Graph,
    services: &Services,
) -> (State, std::result::Result<(), workflow::RunError<Failure>>) {
    let mut state = State::default();
    let result = graph.run(&mut state, services, &()).await;
    (state, result.map(drop))
}

pub fn reduced(updates: Vec<Update>) -> State {
    let mut state = State::default();
    for update in updates {
        state.apply(update);
    }
    state
}
