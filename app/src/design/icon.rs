//! Icons, drawn for this project on a grid of 16 with a stroke of 1.5. An icon always has a label beside it.

use leptos::prelude::*;

/// What an icon shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Alert,
    ArrowRight,
    Certificate,
    Check,
    Clock,
    Copy,
    Cross,
    Dashboard,
    Download,
    Info,
    Lock,
    Mail,
    Mode,
    Model,
    Person,
    Plus,
    Print,
    Request,
    Search,
    SignOut,
    Stop,
    Workflow,
}

impl Shape {
    fn path(self) -> &'static str {
        match self {
            Self::Alert => "M8 2.2 14.5 13.5H1.5ZM8 6.5v3M8 11.6v.1",
            Self::ArrowRight => "M3 8h10M9 4l4 4-4 4",
            Self::Certificate => {
                "M2.5 2.5h11v8h-3M2.5 2.5v8h3M5 5.5h6M8 13a2.2 2.2 0 1 0 0-4.4A2.2 2.2 0 0 0 8 13Zm-1.4-.5v2.3L8 14l1.4.8v-2.3"
            }
            Self::Check => "M3 8.5 6.5 12 13 4.5",
            Self::Clock => "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 4.8V8l2.2 1.6",
            Self::Copy => "M5.5 5.5h8v8h-8ZM10.5 5.5v-3h-8v8h3",
            Self::Cross => "M4 4l8 8M12 4l-8 8",
            Self::Dashboard => "M2.5 2.5h4.5v6h-4.5ZM9 2.5h4.5v3H9ZM2.5 10.5h4.5v3h-4.5ZM9 7.5h4.5v6H9Z",
            Self::Download => "M8 2.5v8M4.5 7 8 10.5 11.5 7M2.5 13.5h11",
            Self::Info => "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 7.3v3.5M8 5v.1",
            Self::Lock => "M3.5 7h9v6.5h-9ZM5.5 7V5a2.5 2.5 0 0 1 5 0v2",
            Self::Mail => "M2 3.5h12v9H2ZM2.3 4 8 8.6 13.7 4",
            Self::Mode => "M2.5 4.5h11M2.5 8h11M2.5 11.5h11M5 3v3M10.5 6.5v3M7 10v3",
            Self::Model => {
                "M4.5 4.5h7v7h-7ZM6.5 4.5v-2M9.5 4.5v-2M6.5 13.5v-2M9.5 13.5v-2M4.5 6.5h-2M4.5 9.5h-2M13.5 6.5h-2M13.5 9.5h-2"
            }
            Self::Person => {
                "M8 8a2.7 2.7 0 1 0 0-5.4A2.7 2.7 0 0 0 8 8ZM2.8 13.8c.5-2.4 2.5-3.8 5.2-3.8s4.7 1.4 5.2 3.8"
            }
            Self::Plus => "M8 3v10M3 8h10",
            Self::Print => "M4.5 6V2.5h7V6M4.5 11.5h-2V6h11v5.5h-2M4.5 9.5h7v4h-7Z",
            Self::Request => "M2.5 3h11v7.5H8L5 13.3v-2.8H2.5ZM5.5 6h5M5.5 8h3",
            Self::Search => "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10ZM10.7 10.7 14 14",
            Self::SignOut => "M6.5 2.5h-4v11h4M6.5 8H14M11 5l3 3-3 3",
            Self::Stop => "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM3.8 3.8l8.4 8.4",
            Self::Workflow => "M6 2.5h4v3.5H6ZM1.5 10h4v3.5h-4ZM10.5 10h4v3.5h-4ZM8 6v2M3.5 10V8h9v2",
        }
    }
}

#[component]
pub fn Icon(shape: Shape) -> impl IntoView {
    view! {
        <svg
            class="size-4 shrink-0"
            viewBox="0 0 16 16"
            fill="none"
            stroke="currentColor"
            stroke-width="1.5"
            stroke-linecap="round"
            stroke-linejoin="round"
            aria-hidden="true"
            focusable="false"
        >
            <path d=shape.path()></path>
        </svg>
    }
}
