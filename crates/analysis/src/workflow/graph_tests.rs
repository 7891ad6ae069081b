use super::*;

/// Writes its name down; fails when the state says so.
struct Note(&'static str);

#[derive(Default)]
struct Trail {
    names: Vec<&'static str>,
    failing: Vec<&'static str>,
}

#[async_trait]
impl Node<Trail> for Note {
    fn name(&self) -> &'static str {
        self.0
    }

    async fn run(&self, state: &mut Trail, _: &Outlet) -> Result<Option<String>, NodeError> {
        state.names.push(self.0);
        if state.failing.contains(&self.0) {
            return Err(NodeError { note: "no".into(), cause: AnalysisError::Cancelled });
        }
        Ok(None)
    }
}

fn builder(names: &[&'static str]) -> GraphBuilder<Trail> {
    names.iter().fold(GraphBuilder::new("test"), |builder, name| builder.node(Note(name)))
}

fn refused(builder: GraphBuilder<Trail>) -> GraphError {
    builder.build().unwrap_err()
}

async fn run(
    graph: &Graph<Trail>,
    failing: &[&'static str],
) -> (Vec<&'static str>, Result<Vec<Step>, AnalysisError>) {
    let (sender, mut events) = mpsc::channel(100);
    let mut state = Trail { names: Vec::new(), failing: failing.to_vec() };
    let result = graph.run(&mut state, &Outlet::new(sender)).await;
    let mut open = 0;
    while let Ok(AnalysisEvent::Step(step)) = events.try_recv() {
        open += if step.state == StepState::Started { 1 } else { -1 };
    }
    assert_eq!(open, 0, "each started step ends");
    (state.names, result)
}

#[test]
fn wrong_graphs_are_refused() {
    assert_eq!(refused(builder(&["a", "a"]).end("a")), GraphError::DuplicateNode("a"));
    assert_eq!(refused(builder(&["a"]).edge("a", "b")), GraphError::UnknownNode("b"));
    assert_eq!(refused(builder(&["a"]).edge("z", "a").end("a")), GraphError::UnknownNode("z"));
    assert_eq!(refused(builder(&["a", "b"]).end("a").end("b")), GraphError::Unreachable("b"));
    assert_eq!(
        refused(builder(&["a", "b"]).edge_when("a", "b", "", |_| true).end("b")),
        GraphError::NoWayOn("a")
    );
    assert_eq!(refused(builder(&["a", "b"]).edge("a", "b")), GraphError::NoWayOn("b"));
    assert_eq!(
        refused(
            builder(&["a", "b", "c"])
                .edge("a", "b")
                .edge("b", "a")
                .edge_when("a", "c", "", |_| true)
                .end("c")
        ),
        GraphError::Cycle(vec!["a", "b", "c"])
    );
    assert_eq!(refused(builder(&["a"]).edge("a", "a")), GraphError::Cycle(vec!["a"]));
    assert!(builder(&[]).build().is_err());
}

#[test]
fn a_failure_edge_can_close_a_cycle_too() {
    let again = builder(&["a", "b"]).edge("a", "b").end("b").on_failure("b", "a");
    assert!(matches!(refused(again), GraphError::Cycle(_)));
}

#[tokio::test]
async fn the_first_edge_that_fits_is_taken() {
    let graph = builder(&["a", "b", "c"])
        .edge_when("a", "b", "never", |_| false)
        .edge("a", "c")
        .end("b")
        .end("c")
        .build()
        .unwrap();
    let (names, result) = run(&graph, &[]).await;
    assert_eq!(names, ["a", "c"]);
    assert_eq!(result.unwrap().len(), 2);
}

#[tokio::test]
async fn a_failure_goes_its_own_way_or_ends_the_run() {
    let graph = builder(&["a", "b"]).end("a").on_failure("a", "b").end("b").build().unwrap();
    assert_eq!(run(&graph, &[]).await.0, ["a"]);
    let (names, result) = run(&graph, &["a"]).await;
    assert_eq!(names, ["a", "b"]);
    assert_eq!(result.unwrap()[0].state, StepState::Failed);
    assert!(run(&graph, &["a", "b"]).await.1.is_err());
}

#[tokio::test]
async fn a_bounded_cycle_ends() {
    let graph = builder(&["a", "b"]).edge("a", "b").edge("b", "a").at_most(2).end("b").build().unwrap();
    assert_eq!(run(&graph, &[]).await.0, ["a", "b", "a", "b", "a", "b"]);
}

#[test]
fn a_graph_describes_itself() {
    let graph =
        builder(&["a", "b"]).edge_when("a", "b", "it rains", |_| true).end("a").end("b").build().unwrap();
    let told = graph.describe();
    assert_eq!(told.nodes, ["a", "b"]);
    assert_eq!(told.edges[0].when.as_deref(), Some("it rains"));
    assert_eq!((told.edges[1].to.as_deref(), told.edges[1].way), (None, Way::Finished));
}
