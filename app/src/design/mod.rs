//! The design system: the components of all pages.
//!
//! Always holds: everything can be reached and used by keyboard, has a visible focus, shows its state in words and not by
//! colour alone, and works without scripts, except copying and dialogs.

mod badge;
mod button;
mod code;
mod dialog;
mod disclosure;
mod empty;
mod field;
mod filter;
mod icon;
mod layout;
mod loaded;
mod notice;
mod pagination;
mod question;
mod table;
mod theme;
mod ticks;
mod time;
mod truncated;

pub use badge::{Badge, Tone};
pub use button::{Button, ButtonKind, ButtonLink, ButtonVariant};
pub use code::{Code, CopyButton};
pub use dialog::{Dialog, DialogActions, modal};
pub use disclosure::Disclosure;
pub use empty::{EmptyState, Skeleton};
pub use field::{Check, Field, FieldKind, PasswordField, SelectField, ShowPassword, TextAreaField};
pub use filter::{FilterForm, FilterSelect, SearchField};
pub use icon::{Icon, Shape};
pub use layout::{Logo, PanelPage, PublicPage, organisation};
pub use loaded::loaded;
pub use notice::{BriefNotice, Notice, NoticeTone, ProblemNotice};
pub use pagination::Pagination;
pub use question::{Question, QuestionActions, QuestionButton, QuestionDialog};
pub use table::{Cell, Column, Priority, Row, Table};
pub use theme::{SetTheme, ThemeChoice};
pub use ticks::Ticks;
pub use time::{Time, scripts_run, visitor_now};
pub use truncated::Truncated;
#[cfg(feature = "ssr")]
pub use {layout::Organisation, theme::chosen_theme};
