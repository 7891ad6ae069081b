//! AT-SPI over plain D-Bus: finds the window among the accessible ones, and asks single objects.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use zbus::Connection;
use zbus::zvariant::{DynamicDeserialize, DynamicType, OwnedObjectPath, OwnedValue};

use super::walk::{Found, Scope, walk};
use super::{AccessibilityError, AccessibleText, Field, TIME_LIMIT, TextSource};
use crate::geometry::Rect;
use crate::windows::WindowInfo;

const REGISTRY: (&str, &str) = ("org.a11y.atspi.Registry", "/org/a11y/atspi/accessible/root");
const NO_OBJECT: &str = "/org/a11y/atspi/null";
/// The bus may have to be started first.
const REACH_LIMIT: Duration = Duration::from_secs(2);
/// Coordinates of the screen.
const SCREEN: u32 = 0;

/// State bits.
pub(super) const ACTIVE: u64 = 1 << 1;
pub(super) const FOCUSED: u64 = 1 << 12;
pub(super) const SHOWING: u64 = 1 << 25;

/// An object of a program: its name on the bus and its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub name: String,
    pub path: String,
}

impl Node {
    fn new((name, path): (String, OwnedObjectPath)) -> Option<Self> {
        (path.as_str() != NO_OBJECT).then(|| Self { name, path: path.as_str().to_owned() })
    }
}

/// Keeps its connection between questions.
#[derive(Debug, Default)]
pub struct AtSpi {
    bus: Mutex<Option<Connection>>,
}

impl AtSpi {
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the bus answers at all.
    pub fn reach(&self) -> Result<(), AccessibilityError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let connected =
            runtime.block_on(async { tokio::time::timeout(REACH_LIMIT, self.connection()).await });
        connected.map_err(|_| AccessibilityError::TooSlow)?.map(drop)
    }

    fn ask(&self, window: &WindowInfo, scope: Scope) -> Result<Found, AccessibilityError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let found = Mutex::new(Found::default());
        let asked = runtime.block_on(async {
            tokio::time::timeout(TIME_LIMIT, async {
                let bus = Bus { connection: self.connection().await? };
                let root = bus.window(window).await?;
                walk(&bus, root, scope, &found).await
            })
            .await
        });
        let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        match asked {
            Ok(Ok(())) => found.complete = true,
            Ok(Err(error)) => {
                // The bus may have been restarted.
                *self.bus.lock().unwrap_or_else(PoisonError::into_inner) = None;
                return Err(error);
            }
            Err(_) if found.visited == 0 => return Err(AccessibilityError::TooSlow),
            Err(_) => {}
        }
        Ok(found)
    }

    async fn connection(&self) -> Result<Connection, AccessibilityError> {
        if let Some(bus) = self.bus.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            return Ok(bus);
        }
        let session = Connection::session().await?;
        let (name, path) = ("org.a11y.Bus", "/org/a11y/bus");
        let reply = session.call_method(Some(name), path, Some(name), "GetAddress", &()).await?;
        let address: String = reply.body().deserialize()?;
        let bus = zbus::connection::Builder::address(address.as_str())?.build().await?;
        *self.bus.lock().unwrap_or_else(PoisonError::into_inner) = Some(bus.clone());
        Ok(bus)
    }
}

impl super::Accessibility for AtSpi {
    fn read(&self, window: &WindowInfo) -> Result<AccessibleText, AccessibilityError> {
        let found = self.ask(window, Scope::Everything)?;
        Ok(AccessibleText {
            source: TextSource::AtSpi,
            lines: found.lines.into_iter().flatten().collect(),
            selection: found.focused.as_ref().and_then(Field::selection),
            focused: found.focused,
            complete: found.complete,
        })
    }

    fn focused(&self, window: &WindowInfo) -> Result<Option<Field>, AccessibilityError> {
        let found = self.ask(window, Scope::Focused)?;
        if found.focused.is_none() && !found.complete {
            return Err(AccessibilityError::TooSlow);
        }
        Ok(found.focused)
    }
}

pub(super) struct Bus {
    connection: Connection,
}

impl Bus {
    /// The object that stands for the window: of the same process, with the same title or else active.
    async fn window(&self, window: &WindowInfo) -> Result<Node, AccessibilityError> {
        let pid = window.pid.ok_or(AccessibilityError::NotDescribed)?;
        let root = Node { name: REGISTRY.0.to_owned(), path: REGISTRY.1.to_owned() };
        let programs = self.children(&root).await?;
        let pids = join_all(programs.iter().map(|program| self.pid(program))).await;
        let own = programs.into_iter().zip(pids).filter(|(_, known)| *known == Some(pid));
        let frames = join_all(own.map(|(program, _)| async move { self.children(&program).await })).await;
        let frames: Vec<Node> = frames.into_iter().flatten().flatten().collect();
        let described = join_all(frames.into_iter().map(|frame| async move {
            let (name, states) = futures::join!(self.label(&frame), self.states(&frame));
            (frame, name.unwrap_or_default(), states.unwrap_or_default())
        }))
        .await;
        let fits = |(_, name, states): &&(Node, String, u64)| {
            u8::from(*name == window.title) * 2 + u8::from(states & ACTIVE != 0)
        };
        let best = described.iter().filter(|(_, _, states)| states & SHOWING != 0).max_by_key(fits);
        best.filter(|best| fits(best) > 0)
            .map(|(frame, _, _)| frame.clone())
            .ok_or(AccessibilityError::NotDescribed)
    }

    async fn pid(&self, node: &Node) -> Option<u32> {
        let bus = "org.freedesktop.DBus";
        let path = "/org/freedesktop/DBus";
        let method = "GetConnectionUnixProcessID";
        let reply =
            self.connection.call_method(Some(bus), path, Some(bus), method, &node.name.as_str()).await;
        reply.ok()?.body().deserialize().ok()
    }

    async fn call<B, T>(&self, node: &Node, interface: &str, method: &str, body: &B) -> zbus::Result<T>
    where
        B: serde::Serialize + DynamicType + Sync,
        T: for<'d> DynamicDeserialize<'d>,
    {
        let interface = format!("org.a11y.atspi.{interface}");
        let reply = self
            .connection
            .call_method(Some(node.name.as_str()), node.path.as_str(), Some(interface.as_str()), method, body)
            .await?;
        reply.body().deserialize()
    }

    async fn property<T: TryFrom<OwnedValue>>(&self, node: &Node, interface: &str, name: &str) -> Option<T> {
        let interface = format!("org.a11y.atspi.{interface}");
        let properties = "org.freedesktop.DBus.Properties";
        let reply = self
            .connection
            .call_method(
                Some(node.name.as_str()),
                node.path.as_str(),
                Some(properties),
                "Get",
                &(interface.as_str(), name),
            )
            .await;
        let value: OwnedValue = reply.ok()?.body().deserialize().ok()?;
        T::try_from(value).ok()
    }

    pub(super) async fn children(&self, node: &Node) -> zbus::Result<Vec<Node>> {
        let children: Vec<(String, OwnedObjectPath)> =
            self.call(node, "Accessible", "GetChildren", &()).await?;
        Ok(children.into_iter().filter_map(Node::new).collect())
    }

    pub(super) async fn label(&self, node: &Node) -> Option<String> {
        self.property(node, "Accessible", "Name").await
    }

    pub(super) async fn role(&self, node: &Node) -> zbus::Result<u32> {
        self.call(node, "Accessible", "GetRole", &()).await
    }

    pub(super) async fn states(&self, node: &Node) -> zbus::Result<u64> {
        let words: Vec<u32> = self.call(node, "Accessible", "GetState", &()).await?;
        let word = |index: usize| u64::from(words.get(index).copied().unwrap_or(0));
        Ok(word(0) | word(1) << 32)
    }

    pub(super) async fn has_text(&self, node: &Node) -> zbus::Result<bool> {
        let interfaces: Vec<String> = self.call(node, "Accessible", "GetInterfaces", &()).await?;
        Ok(interfaces.iter().any(|interface| interface == "org.a11y.atspi.Text"))
    }

    pub(super) async fn bounds(&self, node: &Node) -> Option<Rect> {
        let extents: (i32, i32, i32, i32) = self.call(node, "Component", "GetExtents", &SCREEN).await.ok()?;
        rect(extents)
    }

    pub(super) async fn length(&self, node: &Node) -> Option<i32> {
        self.property(node, "Text", "CharacterCount").await
    }

    pub(super) async fn text(&self, node: &Node, start: i32, end: i32) -> zbus::Result<String> {
        self.call(node, "Text", "GetText", &(start, end)).await
    }

    pub(super) async fn caret(&self, node: &Node) -> Option<i32> {
        self.property(node, "Text", "CaretOffset").await
    }

    pub(super) async fn selected(&self, node: &Node) -> Option<(i32, i32)> {
        let count: i32 = self.call(node, "Text", "GetNSelections", &()).await.ok()?;
        if count < 1 {
            return None;
        }
        self.call(node, "Text", "GetSelection", &0i32).await.ok()
    }

    /// The position of the character at a point; `None` where the program does not know.
    pub(super) async fn offset_at(&self, node: &Node, x: i32, y: i32) -> Option<i32> {
        let offset: i32 = self.call(node, "Text", "GetOffsetAtPoint", &(x, y, SCREEN)).await.ok()?;
        (offset >= 0).then_some(offset)
    }

    pub(super) async fn range_bounds(&self, node: &Node, start: i32, end: i32) -> Option<Rect> {
        let extents: (i32, i32, i32, i32) =
            self.call(node, "Text", "GetRangeExtents", &(start, end, SCREEN)).await.ok()?;
        rect(extents)
    }
}

/// Programs answer with negative sizes, or the smallest number, for what they do not know.
fn rect((x, y, width, height): (i32, i32, i32, i32)) -> Option<Rect> {
    let (width, height) = (u32::try_from(width).ok()?, u32::try_from(height).ok()?);
    Some(Rect { x, y, width, height }).filter(|rect| !rect.is_empty() && x > i32::MIN && y > i32::MIN)
}
