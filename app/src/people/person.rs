//! `/admin/people/{id}`, one account and what an administrator can do about it, and `/admin/people/new`.
//!
//! Every action is a form of its own, without a dialog: the page works the same without scripts.

use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_params_map;
use protocol::Problem;
use protocol::people::{AccountChange, AccountDetail, AccountRow, AccountStatus, Role};

use super::api::{self, Change, Invite, Person};
use super::list::{StatusBadge, role_word};
use crate::design::{
    BriefNotice, Button, ButtonLink, ButtonVariant, Field, FieldKind, NoticeTone, PanelPage, ProblemNotice,
    SelectField, Time, loaded,
};
use crate::form::{self, field_error, problem_or_rejected};

#[component]
pub fn PersonPage() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|p| p.get("id").unwrap_or_default()));
    let change = form::action::<Change>();
    let person = Resource::new(move || (id.get(), change.version().get()), |(id, _)| api::find(id));
    view! {
        <PanelPage title="Person">
            <AllPeople />
            {loaded(person, move |person| view! { <Details person change /> })}
        </PanelPage>
    }
}

#[component]
fn AllPeople() -> impl IntoView {
    view! {
        <p>
            <A href="/admin/people" attr:class="link">
                "All people"
            </A>
        </p>
    }
}

#[component]
pub fn InvitePage() -> impl IntoView {
    let start = Resource::new(|| (), |()| api::invite_start());
    let invite = form::action::<Invite>();
    view! {
        <PanelPage title="Invite a person" lead="For administrators, and for people who need an account before they request access.">
            <AllPeople />
            <div class="max-w-xl">
                {loaded(start, move |refused| {
                    let problem = problem_or_rejected(refused.as_ref(), invite);
                    let typed = |field: &str| {
                        refused.as_ref().and_then(|r| r.typed.value(field)).unwrap_or_default()
                    };
                    let (email, role) = (typed("email"), typed("role"));
                    let roles = [Role::User, Role::Administrator]
                        .map(|role| (role.as_str().to_owned(), role_word(role).to_owned()))
                        .to_vec();
                    view! {
                        <div class="space-y-5">
                            <ProblemNotice problem shown_at_fields=&["email", "role"] />
                            <ActionForm action=invite>
                                <div class="space-y-5">
                                    <Field
                                        name="email"
                                        label="E-mail address"
                                        kind=FieldKind::Email
                                        value=email
                                        error=field_error(problem, "email")
                                    />
                                    <SelectField
                                        name="role"
                                        label="Role"
                                        hint="Administrators can do everything in this panel, including inviting and disabling people."
                                        options=roles
                                        value=role
                                        error=field_error(problem, "role")
                                    />
                                    <p class="text-muted">
                                        "The person gets a mail with a link, which works once, to set up the password and the \
                                         second factor. A machine still needs a request for access."
                                    </p>
                                    <div class="flex flex-wrap gap-3 border-t border-line pt-5">
                                        <Button variant=ButtonVariant::Primary busy=invite.pending()>
                                            "Invite"
                                        </Button>
                                        <ButtonLink href="/admin/people">"Cancel"</ButtonLink>
                                    </div>
                                </div>
                            </ActionForm>
                        </div>
                    }
                })}
            </div>
        </PanelPage>
    }
}

#[component]
fn Details(person: Person, change: ServerAction<Change>) -> impl IntoView {
    let Person { detail, refused, done } = person;
    let problem: Signal<Option<Problem>> = problem_or_rejected(refused.as_ref(), change);
    // Also the outcome of a form that was posted without scripts.
    let done = Signal::derive(move || {
        change.value().with(|value| match value {
            None => done,
            Some(Ok(change)) => Some(*change),
            Some(Err(_)) => None,
        })
    });
    let AccountDetail { row, is_own, is_last_administrator } = detail;
    let id = row.id.to_string();
    let email = row.email.clone();
    view! {
        <div class="max-w-3xl space-y-6">
            <ProblemNotice problem />
            {move || done.get().map(|change| view! { <BriefNotice tone=NoticeTone::Good title=outcome(change) /> })}
            <Facts row=row.clone() is_own />
            {is_last_administrator
                .then(|| {
                    view! {
                        <BriefNotice title="This is the only administrator. Make someone else an administrator first." />
                    }
                })}
            <ul class="divide-y divide-line border-y border-line">
                {choices(&row, is_last_administrator)
                    .into_iter()
                    .map(|choice| view! { <Choice choice id=id.clone() email=email.clone() change /> })
                    .collect_view()}
            </ul>
        </div>
    }
}

#[component]
fn Facts(row: AccountRow, is_own: bool) -> impl IntoView {
    view! {
        <dl class="grid gap-x-6 gap-y-2 sm:grid-cols-[10rem_minmax(0,1fr)]">
            <dt class="text-muted">"E-mail address"</dt>
            <dd class="break-all">
                <strong>{row.email}</strong>
                {is_own.then_some(" (you)")}
            </dd>
            <dt class="text-muted">"Role"</dt>
            <dd>{role_word(row.role)}</dd>
            <dt class="text-muted">"State"</dt>
            <dd>
                <StatusBadge status=row.status />
            </dd>
            <dt class="text-muted">"Machines"</dt>
            <dd>{row.machines}</dd>
            <dt class="text-muted">"Last signed in"</dt>
            <dd>
                {match row.last_sign_in_at {
                    Some(at) => view! { <Time at /> }.into_any(),
                    None => "Never".into_any(),
                }}
            </dd>
        </dl>
    }
}

/// The changes that this account's state allows.
fn choices(row: &AccountRow, is_last_administrator: bool) -> Vec<AccountChange> {
    let role = match row.role {
        Role::Administrator => AccountChange::MakeUser,
        Role::User => AccountChange::MakeAdministrator,
    };
    let all = match row.status {
        AccountStatus::Disabled => vec![AccountChange::Enable],
        AccountStatus::Active | AccountStatus::Invited => {
            vec![role, AccountChange::Reset, AccountChange::Disable]
        }
    };
    all.into_iter().filter(|change| !is_last_administrator || !change.takes_an_administrator_away()).collect()
}

/// What a button says, and what follows.
fn words(change: AccountChange) -> (&'static str, &'static str) {
    match change {
        AccountChange::Disable => (
            "Disable",
            "No one can sign in to this account, and its sessions end right away, in the panel and on machines. \
             Certificates stay valid, but do nothing without a sign-in.",
        ),
        AccountChange::Enable => {
            ("Enable", "The account works as before, with the same password and second factor.")
        }
        AccountChange::MakeAdministrator => (
            "Make administrator",
            "Administrators can do everything in this panel, including inviting and disabling people.",
        ),
        AccountChange::MakeUser => {
            ("Make user", "They can no longer use this panel, but keep the assistant.")
        }
        AccountChange::Reset => (
            "Send a new set-up link",
            "For someone who lost their password, authenticator or recovery codes. The old ones stop working right away, and \
             every session ends. A new link goes to the outbox.",
        ),
    }
}

/// What has happened.
fn outcome(change: AccountChange) -> &'static str {
    match change {
        AccountChange::Disable => "The account is disabled, and its sessions have ended",
        AccountChange::Enable => "The account is enabled",
        AccountChange::MakeAdministrator => "They are now an administrator",
        AccountChange::MakeUser => "They are no longer an administrator",
        AccountChange::Reset => {
            "A new set-up link is in the outbox. The old password and second factor no longer work"
        }
    }
}

#[component]
fn Choice(choice: AccountChange, id: String, email: String, change: ServerAction<Change>) -> impl IntoView {
    let (label, consequence) = words(choice);
    let destructive = matches!(choice, AccountChange::Disable | AccountChange::Reset);
    let variant = if destructive { ButtonVariant::Destructive } else { ButtonVariant::Secondary };
    view! {
        <li class="flex flex-wrap items-start justify-between gap-4 py-4 sm:flex-nowrap">
            <p class="max-w-xl text-muted">{consequence}</p>
            <ActionForm action=change>
                <input type="hidden" name="id" value=id />
                <input type="hidden" name="change" value=choice.as_str() />
                <Button variant busy=change.pending() attr:aria-label=format!("{label}: {email}")>
                    {label}
                </Button>
            </ActionForm>
        </li>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(role: Role, status: AccountStatus) -> AccountRow {
        let id = "1".parse().unwrap();
        let email = "a@example.org".to_owned();
        AccountRow { id, email, role, status, created_at: 0, last_sign_in_at: None, machines: 0 }
    }

    #[test]
    fn the_last_administrator_cannot_be_taken_away() {
        let admin = row(Role::Administrator, AccountStatus::Active);
        assert_eq!(
            choices(&admin, false),
            [AccountChange::MakeUser, AccountChange::Reset, AccountChange::Disable]
        );
        assert_eq!(choices(&admin, true), []);
        assert_eq!(choices(&row(Role::User, AccountStatus::Disabled), false), [AccountChange::Enable]);
    }
}
