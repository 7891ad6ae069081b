//! What is wrong with a workflow, and where.

use crate::Problem;

/// Before the field of each fault in a problem.
const PREFIX: &str = "document.";
const NODE: &str = "nodes[";

/// One fault of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkflowFault {
    /// The node that it is about, or that the edge leaves.
    pub node: Option<String>,
    /// As in `config.channel` or `edges[2].to`.
    pub field: String,
    pub message: String,
}

impl WorkflowFault {
    /// Adds this fault to a problem, as the field `document.nodes["ask"].config.channel`, or `document.name` if it is not about
    /// a node.
    #[must_use]
    pub fn add_to(&self, problem: Problem) -> Problem {
        let node =
            self.node.as_ref().map(|node| format!("{NODE}{}].", serde_json::Value::from(node.as_str())));
        problem.field(&format!("{PREFIX}{}{}", node.unwrap_or_default(), self.field), self.message.clone())
    }

    /// The faults that a problem lists.
    pub fn all_of(problem: &Problem) -> Vec<Self> {
        let fault = |error: &crate::FieldError| {
            let (node, field) = parse(error.field.strip_prefix(PREFIX)?)?;
            Some(Self { node, field: field.to_owned(), message: error.message.clone() })
        };
        problem.errors.iter().filter_map(fault).collect()
    }

    /// The index of the edge that it is about.
    pub fn edge(&self) -> Option<usize> {
        self.field.strip_prefix("edges[")?.split_once(']')?.0.parse().ok()
    }
}

fn parse(path: &str) -> Option<(Option<String>, &str)> {
    let Some(rest) = path.strip_prefix(NODE) else { return Some((None, path)) };
    let mut names = serde_json::Deserializer::from_str(rest).into_iter::<String>();
    let name = names.next()?.ok()?;
    let field = rest.get(names.byte_offset()..)?.strip_prefix("].")?;
    Some((Some(name), field))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_survive_a_problem() {
        let fault = |node: Option<&str>, field: &str| WorkflowFault {
            node: node.map(str::to_owned),
            field: field.to_owned(),
            message: "a: b".to_owned(),
        };
        let faults = [
            fault(Some("a].x: \"b\".c"), "config.channel"),
            fault(Some("say"), "edges[12].to"),
            fault(None, "nodes"),
            fault(None, "channels.answer"),
        ];
        let problem = Problem::invalid_input().field("document", "all of them");
        let problem = faults.iter().fold(problem, |problem, fault| fault.add_to(problem));
        assert_eq!(problem.errors[2].field, "document.nodes[\"say\"].edges[12].to");
        assert_eq!(WorkflowFault::all_of(&problem), faults);
        assert_eq!(faults.map(|fault| fault.edge()), [None, Some(12), None, None]);
        assert_eq!(WorkflowFault::all_of(&Problem::invalid_input().field("document.nodes[x", "y")), []);
    }
}
