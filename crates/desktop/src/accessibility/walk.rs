//! Goes through the objects of a window, level by level; the questions of a level are asked at once.

use std::sync::{Mutex, PoisonError};

use futures::future::join_all;

use super::atspi::{Bus, FOCUSED, Node, SHOWING};
use super::{AccessibilityError, Field, FieldId, FieldKind, Line};
use crate::geometry::Rect;

/// Roles, as AT-SPI numbers them.
const ROLE_PASSWORD: u32 = 40;
const ROLE_TERMINAL: u32 = 60;
/// Of one object. A longer text is read where it is visible only.
const MAX_LENGTH: i32 = 100_000;
const MAX_LINES: usize = 300;
const MAX_OBJECTS: usize = 5_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Everything,
    Focused,
}

/// What was found so far; what is there when the time is over is the answer.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Of each object that shows text.
    pub lines: Vec<Vec<Line>>,
    pub focused: Option<Field>,
    pub complete: bool,
    pub visited: usize,
}

struct Object {
    node: Node,
    role: u32,
    states: u64,
    has_text: bool,
    children: Vec<Node>,
}

pub(super) async fn walk(
    bus: &Bus,
    root: Node,
    scope: Scope,
    found: &Mutex<Found>,
) -> Result<(), AccessibilityError> {
    let mut level = vec![root];
    let mut visited = 0;
    while !level.is_empty() && visited < MAX_OBJECTS {
        visited += level.len();
        let objects = join_all(level.into_iter().map(|node| describe(bus, node))).await;
        // An object that is gone by now, or hidden, shows nothing, and neither does what is in it.
        let objects: Vec<Object> = objects.into_iter().flatten().filter(is_shown).collect();
        if let Some(object) = objects.iter().rfind(|object| object.states & FOCUSED != 0) {
            let field = field(bus, object).await;
            let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
            found.focused = Some(field);
        }
        if scope == Scope::Everything {
            let lines = join_all(objects.iter().map(|object| lines(bus, object))).await;
            let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
            found.lines.extend(lines.into_iter().filter(|lines| !lines.is_empty()));
        }
        found.lock().unwrap_or_else(PoisonError::into_inner).visited = visited;
        // Inside a password field nothing is looked at.
        let open = objects.into_iter().filter(|object| object.role != ROLE_PASSWORD);
        level = open.flat_map(|object| object.children).collect();
    }
    Ok(())
}

fn is_shown(object: &Object) -> bool {
    object.states & SHOWING != 0
}

async fn describe(bus: &Bus, node: Node) -> Option<Object> {
    let (role, states, has_text, children) =
        futures::join!(bus.role(&node), bus.states(&node), bus.has_text(&node), bus.children(&node));
    Some(Object {
        role: role.ok()?,
        states: states.ok()?,
        has_text: has_text.unwrap_or(false),
        children: children.unwrap_or_default(),
        node,
    })
}

async fn field(bus: &Bus, object: &Object) -> Field {
    let node = &object.node;
    let kind = match object.role {
        ROLE_PASSWORD => FieldKind::Password,
        ROLE_TERMINAL => FieldKind::Terminal,
        _ if object.has_text => FieldKind::Text,
        _ => FieldKind::Other,
    };
    let (name, bounds) = futures::join!(bus.label(node), bus.bounds(node));
    let (mut text, mut selected) = (None, None);
    if object.has_text && kind != FieldKind::Password {
        let (length, caret, selection) =
            futures::join!(bus.length(node), bus.caret(node), bus.selected(node));
        if let Some(length) = length.filter(|length| *length <= MAX_LENGTH) {
            text = bus.text(node, 0, length).await.ok();
        }
        let position = |at: i32| usize::try_from(at).ok();
        selected = selection
            .or(caret.map(|at| (at, at)))
            .and_then(|(one, other)| Some((position(one.min(other))?, position(one.max(other))?)));
    }
    let id = FieldId(format!("{}{}", node.name, node.path));
    Field { id, kind, name: name.unwrap_or_default(), bounds, text, selected }
}

async fn lines(bus: &Bus, object: &Object) -> Vec<Line> {
    let node = &object.node;
    if object.role == ROLE_PASSWORD {
        return Vec::new();
    }
    let bounds = bus.bounds(node).await;
    if !object.has_text {
        // Containers repeat what they contain, so only the innermost objects count.
        if !object.children.is_empty() {
            return Vec::new();
        }
        let name = bus.label(node).await.unwrap_or_default();
        return Some(name)
            .filter(|name| !name.is_empty())
            .map(|text| Line { text, bounds })
            .into_iter()
            .collect();
    }
    let Some((start, text)) = visible_text(bus, node, bounds).await else { return Vec::new() };
    let mut offset = start;
    let mut parts = Vec::new();
    for line in text.split('\n').take(MAX_LINES) {
        let length = i32::try_from(line.chars().count()).unwrap_or(i32::MAX);
        // The character that stands for an embedded object; the object is visited by itself.
        let shown = line.replace('\u{fffc}', "");
        if !shown.trim().is_empty() {
            parts.push((shown, offset, offset.saturating_add(length)));
        }
        offset = offset.saturating_add(length).saturating_add(1);
    }
    let placed = parts
        .into_iter()
        .map(|(text, from, to)| async move { Line { text, bounds: bus.range_bounds(node, from, to).await } });
    let outside = |line: &Line| match (line.bounds, bounds) {
        (Some(line), Some(all)) => line.intersection(&all).is_none(),
        _ => false,
    };
    join_all(placed).await.into_iter().filter(|line| !outside(line)).collect()
}

/// The part of the text within the object's rectangle, from the start of its first line, and where that starts.
async fn visible_text(bus: &Bus, node: &Node, bounds: Option<Rect>) -> Option<(i32, String)> {
    let length = bus.length(node).await.filter(|length| *length > 0)?;
    let mut from = 0;
    let mut to = length.min(MAX_LENGTH);
    if let Some(bounds) = bounds.filter(|_| length > 2_000) {
        let right = i32::try_from(bounds.width).unwrap_or(i32::MAX);
        let bottom = i32::try_from(bounds.height).unwrap_or(i32::MAX);
        let (first, last) = futures::join!(
            bus.offset_at(node, bounds.x + 2, bounds.y + 2),
            bus.offset_at(node, bounds.x.saturating_add(right) - 2, bounds.y.saturating_add(bottom) - 2)
        );
        from = first.unwrap_or(0);
        to = last.map_or(to, |last| last.saturating_add(1)).min(length).min(from.saturating_add(MAX_LENGTH));
    }
    Some((from, bus.text(node, from, to).await.ok()?))
}
