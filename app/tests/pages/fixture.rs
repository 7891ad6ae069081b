//! A router like the server's, around services that answer from memory.

mod fleet;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, OnceLock};

use app::deployment::Deployment;
use app::design::Organisation;
use app::request_context::{Administrator, MachineIdentity, RequestContext, WithCookies};
use app::services::*;
use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::routing::post;
use domain::id::AccountId;
use http::request::Parts;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use leptos::prelude::*;
use leptos_axum::LeptosRoutes;
use protocol::access::*;
use protocol::certificate::{
    AuthorityChange, CertificateReport, CertificateRow, RejectionReason, RevocationReason,
};
use protocol::mode::Mode;
use protocol::outbox::{MailRow, MailState};
use protocol::overview::{FailingModel, Overview};
use protocol::people::*;
use protocol::provider::*;
use protocol::review::*;
use protocol::workflow::{
    CallRow, CheckpointRow, Drawing, DrawnEdge, DrawnNode, RunDetail, RunRow, WorkflowDraft, WorkflowEditor,
    WorkflowRow, WorkflowVersion,
};
use protocol::{Problem, ServiceError};
use tower::ServiceExt;

pub const NOW: i64 = 1_795_383_000;

/// The router's response.
#[derive(Debug)]
pub struct Answered {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answered {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Name and value of a cookie that the response sets, as a browser sends it back.
    pub fn cookie(&self, name: &str) -> String {
        let set = self.headers.get_all("set-cookie").iter().map(|v| v.to_str().unwrap());
        let mut found = set.filter(|cookie| cookie.starts_with(&format!("{name}=")));
        found.next_back().and_then(|cookie| cookie.split(';').next()).unwrap_or_default().to_owned()
    }
}

/// Who makes the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    Administrator,
    /// An administrator of a server without a mail server.
    AdministratorWithoutMail,
    /// A machine with a valid certificate, at the machines' host.
    Machine,
    Nobody,
    /// At the pages' host of a server that has another one for machines.
    NobodyOnPagesHost,
    NobodyWithoutMail,
    User,
}

/// Opens a page as a browser does.
pub async fn open(who: Who, path: &str, cookie: &str) -> Answered {
    let request = Request::get(path).header("accept", "text/html,*/*").header("cookie", cookie);
    answer(who, request.body(Body::empty()).unwrap()).await
}

/// Posts a form as a browser without scripts does.
pub async fn post_form(who: Who, path: &str, body: &str) -> Answered {
    call(who, path, body, "text/html,application/xhtml+xml,*/*;q=0.8").await
}

/// The same from another page.
pub async fn post_form_from(who: Who, page: &str, path: &str, body: &str) -> Answered {
    let request = Request::post(path)
        .header("accept", "text/html,application/xhtml+xml,*/*;q=0.8")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("referer", format!("http://localhost:8080{page}"))
        .body(Body::from(body.to_owned()));
    answer(who, request.unwrap()).await
}

/// Calls a server function as the page's scripts do.
pub async fn call_function(who: Who, path: &str, body: &str) -> Answered {
    call(who, path, body, "application/json").await
}

async fn call(who: Who, path: &str, body: &str, accept: &str) -> Answered {
    let request = Request::post(path)
        .header("accept", accept)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("referer", "http://localhost:8080/request-access")
        .body(Body::from(body.to_owned()));
    answer(who, request.unwrap()).await
}

async fn answer(who: Who, mut request: Request<Body>) -> Answered {
    static ROUTER: OnceLock<Router> = OnceLock::new();
    request.extensions_mut().insert(who);
    let response = ROUTER.get_or_init(router).clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answered { status: parts.status, headers: parts.headers, body: String::from_utf8(body.to_vec()).unwrap() }
}

fn router() -> Router {
    app::register_server_functions();
    let options = LeptosOptions::builder().output_name("aiwe").build();
    let context = || {
        let who = use_context::<Parts>().and_then(|parts| parts.extensions.get::<Who>().copied());
        let who = who.unwrap_or(Who::Nobody);
        provide_context(context(who));
        provide_context(Deployment {
            sends_mail: !matches!(who, Who::AdministratorWithoutMail | Who::NobodyWithoutMail),
            machines_origin: (who == Who::NobodyOnPagesHost)
                .then(|| "https://machines.example.org".to_owned()),
        });
        provide_context(services());
        provide_context(Organisation("Nordwind Clinic".into()));
    };
    let shell = {
        let options = options.clone();
        move || app::shell(&options)
    };
    Router::new()
        .leptos_routes_with_context(&options, app::pages(), context, shell.clone())
        .route(
            "/app/{*function}",
            post(move |request: Request<Body>| leptos_axum::handle_server_fns_with_context(context, request)),
        )
        .fallback(leptos_axum::render_app_async_with_context(context, shell))
        .with_state(options)
}

fn context(who: Who) -> RequestContext {
    let person = |role| SignedIn { account_id: "1".parse().unwrap(), email: "ada@example.org".into(), role };
    RequestContext {
        signed_in: match who {
            Who::Administrator | Who::AdministratorWithoutMail => Some(person(Role::Administrator)),
            Who::Machine | Who::Nobody | Who::NobodyOnPagesHost | Who::NobodyWithoutMail => None,
            Who::User => Some(person(Role::User)),
        },
        idle_minutes: None,
        session: None,
        challenge: None,
        requester: None,
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        user_agent: "Mozilla/5.0 (X11; Linux x86_64)".into(),
        secure: false,
        certificate: CertificateReport {
            rejection: Some(RejectionReason::Missing),
            presented: None,
            last_ended: None,
        },
        machine: (who == Who::Machine).then(|| MachineIdentity {
            certificate_id: "1".parse().unwrap(),
            fingerprint: "00".into(),
            owner: "1".parse().unwrap(),
        }),
        pages_origin: None,
        setup: None,
    }
}

fn services() -> Services {
    Services {
        accounts: Arc::new(Memory),
        certificates: Arc::new(Memory),
        downloads: Arc::new(Memory),
        groups: Arc::new(Memory),
        ledger: Arc::new(Memory),
        links: Arc::new(Memory),
        modes: Arc::new(Memory),
        outbox: Arc::new(Memory),
        overview: Arc::new(Memory),
        own_account: Arc::new(Memory),
        own_sessions: Arc::new(Memory),
        policies: Arc::new(Memory),
        providers: Arc::new(Memory),
        requests: Arc::new(Memory),
        reviews: Arc::new(Memory),
        runs: Arc::new(Memory),
        setup: Arc::new(Memory),
        sign_in: Arc::new(Memory),
        workflows: Arc::new(Memory),
    }
}

struct Memory;

fn row(id: &str, email: &str, state: RequestState) -> AccessRequestRow {
    let decided = state != RequestState::Pending;
    AccessRequestRow {
        id: id.into(),
        email: email.into(),
        match_code: "ABCD-2345".into(),
        platform: Some(Platform::Linux),
        device_name: Some("Anna’s laptop".into()),
        message: "Ward 3, for <b>discharge letters</b>.".into(),
        state,
        requested_at: NOW,
        expires_at: Some(NOW + 86_400),
        decided_at: decided.then_some(NOW + 60),
        decided_by: decided.then(|| "ada@example.org".into()),
        reason: (state == RequestState::Rejected).then(|| "Unknown here".into()),
        known_account: false,
        notes: match id {
            "2" => vec![AddressNote::LikeAddress {
                email: "ben.longer-name@c1inic.example.org".into(),
                has_account: true,
                same_mailbox: false,
            }],
            _ => Vec::new(),
        },
        reminded_at: None,
        links: (id == "2").then_some(Links { sent: 1, left: 4, asked_at: Some(NOW + 300), wrong_codes: 3 }),
    }
}

fn page<T>(rows: Vec<T>) -> Page<T> {
    Page { total: rows.len() as u64, rows, page: 0, page_size: 25 }
}

#[async_trait]
impl RequesterService for Memory {
    async fn submit(
        &self,
        _: &RequestContext,
        request: RequestAccess,
    ) -> Result<WithCookies<RequestReceipt>, ServiceError> {
        request.check()?;
        let asked = RequestReceipt {
            match_code: "ABCD-2345".into(),
            status_url: "http://localhost:8080/public/request-status/pending".into(),
        };
        Ok(WithCookies { value: asked, cookies: vec!["asked=1; Path=/".into()] })
    }

    async fn status(&self, _: &RequestContext, token: &str) -> Result<RequestStatus, ServiceError> {
        let state: RequestState = token.parse().map_err(|_| Problem::not_found())?;
        Ok(RequestStatus {
            state,
            match_code: Some("ABCD-2345".into()),
            requested_at: NOW,
            expires_at: Some(NOW + 86_400),
            reason: (state == RequestState::Rejected).then(|| "Unknown here".into()),
            reminded_at: None,
            reminder: (state == RequestState::Pending).then_some(Reminder { at: None, left: 3 }),
        })
    }

    async fn remind(&self, context: &RequestContext, token: &str) -> Result<RequestStatus, ServiceError> {
        let status = self.status(context, token).await?;
        if status.state != RequestState::Pending {
            return Err(Problem::conflict("It was decided a minute ago.").into());
        }
        Ok(RequestStatus { reminded_at: Some(NOW + 60), reminder: None, ..status })
    }
}

#[async_trait]
impl DownloadService for Memory {
    async fn offer(&self, _: &RequestContext, token: &str) -> Result<DownloadOffer, ServiceError> {
        Ok(DownloadOffer {
            state: match token {
                "ready" => DownloadState::Ready,
                "used" => DownloadState::Redeemed,
                _ => DownloadState::Expired,
            },
            device_name: Some("Anna’s laptop".into()),
            platform: None,
            expires_at: NOW + 86_400,
            needs_match_code: true,
            needs_certificate: false,
            setup_url: Some("/public/download-certs/ready/setup".into()),
            machines_url: "https://localhost:8443/".into(),
            new_link: (token != "ready").then_some(NewLink { open: true, asked_at: None, at: None }),
            pages_url: "http://localhost:8080".into(),
            desktop_link: Some(format!("aiwe://enrol?server=https://localhost:8443&ca=00&token={token}")),
        })
    }

    async fn request_new_link(
        &self,
        context: &RequestContext,
        token: &str,
        match_code: Option<&str>,
    ) -> Result<WithCookies<DownloadOffer>, ServiceError> {
        match match_code {
            Some("ABCD-2345") => Ok(WithCookies::plain(self.offer(context, token).await?)),
            _ => Err(Problem::forbidden().field("match_code", "Enter the match code.").into()),
        }
    }
}

#[async_trait]
impl ReviewService for Memory {
    async fn list(
        &self,
        _: &Administrator,
        filter: AccessRequestFilter,
    ) -> Result<Page<AccessRequestRow>, ServiceError> {
        let all = [
            row("1", "anna@example.org", RequestState::Pending),
            row("2", "ben.longer-name@clinic.example.org", RequestState::Approved),
            row("3", "cleo@example.org", RequestState::Rejected),
        ];
        let fits = |r: &AccessRequestRow| {
            filter.state.is_none_or(|state| r.state == state)
                && (!filter.waiting || r.state == RequestState::Pending)
                && r.email.contains(&filter.search)
        };
        Ok(page(all.into_iter().filter(fits).collect()))
    }

    async fn find(&self, _: &Administrator, id: &str) -> Result<RequestDetail, ServiceError> {
        let request = match id {
            "1" => row("1", "anna@example.org", RequestState::Pending),
            "2" => row("2", "ben.longer-name@clinic.example.org", RequestState::Redeemed),
            "3" => row("3", "cleo@example.org", RequestState::Rejected),
            "4" => AccessRequestRow {
                links: Some(Links { sent: 1, left: 4, asked_at: None, wrong_codes: 0 }),
                ..row("4", "dora@example.org", RequestState::Approved)
            },
            _ => return Err(Problem::not_found().into()),
        };
        let entry = |at, what, by: Option<&str>, detail: &str| HistoryEntry {
            at,
            what,
            by: by.map(str::to_owned),
            detail: detail.to_owned(),
        };
        let mut history = vec![entry(NOW, RequestEvent::Asked, None, "")];
        if id == "2" {
            history.push(entry(NOW + 60, RequestEvent::Approved, Some("grace@example.org"), ""));
            history.push(entry(NOW + 120, RequestEvent::Fetched, None, "serial 5f3a"));
        }
        Ok(RequestDetail { request, history })
    }

    async fn approve(&self, _: &Administrator, _: &str) -> Result<AccessRequestRow, ServiceError> {
        Err(Problem::conflict("Grace approved it a minute ago.").into())
    }

    async fn reject(&self, _: &Administrator, id: &str, _: &str) -> Result<AccessRequestRow, ServiceError> {
        Ok(row(id, "anna@example.org", RequestState::Rejected))
    }

    /// Every request but 1 has been decided meanwhile.
    async fn decide(&self, _: &Administrator, asked: Decide) -> Result<Decided, ServiceError> {
        if asked.ids.is_empty() {
            return Err(Problem::invalid_input().field("ids", "Choose at least one request.").into());
        }
        let late = asked.ids.iter().filter(|id| *id != "1").map(|id| Undecided {
            id: id.clone(),
            email: Some(format!("late-{id}@example.org")),
            why: "Grace approved it a minute ago.".into(),
        });
        let undecided: Vec<_> = late.collect();
        let decided = u32::try_from(asked.ids.len() - undecided.len()).unwrap();
        Ok(Decided { verdict: asked.verdict, decided, undecided, unnamed: 0 })
    }

    async fn unlisted(&self, _: &Administrator, code: &str) -> Result<Option<Unlisted>, ServiceError> {
        Ok((code == "WXYZ-2345").then_some(Unlisted { requested_at: NOW, allowed: 3 }))
    }

    async fn news(&self, _: &Administrator, since: Option<&str>) -> Result<News, ServiceError> {
        Ok(News { mark: "7.1".into(), newest: "1".into(), arrived: u64::from(since.is_some()) })
    }
}

#[async_trait]
impl LinkService for Memory {
    async fn send_link(
        &self,
        _: &Administrator,
        _: &str,
        _: Option<u32>,
    ) -> Result<AccessRequestRow, ServiceError> {
        Err(Problem::conflict("Grace sent one a minute ago.").into())
    }

    async fn decline_link(
        &self,
        _: &Administrator,
        _: &str,
        _: &str,
    ) -> Result<AccessRequestRow, ServiceError> {
        Err(Problem::conflict("Grace declined it a minute ago.").into())
    }
}

#[async_trait]
impl SetupService for Memory {
    async fn setup_offer(&self, _: &RequestContext, token: &str) -> Result<SetupOffer, ServiceError> {
        Ok(SetupOffer {
            codes: (token == "done").then(|| RecoveryCodes(vec!["AAAA-BBBB-CCCC-DDDD".into(); 10])),
            email: None,
            role: Role::Administrator,
            totp_secret: "JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP".into(),
            totp_qr_svg: r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><path d="M0 0h3v3h-3zM5 0h3v3h-3zM0 5h3v3h-3zM4 4h1v1h-1zM6 6h2v1h-2z"/></svg>"#.into(),
        })
    }

    async fn set_up(
        &self,
        _: &RequestContext,
        _: &str,
        _: SetupAnswer,
    ) -> Result<WithCookies<RecoveryCodes>, ServiceError> {
        Ok(WithCookies::plain(RecoveryCodes(vec!["AAAA-BBBB-CCCC-DDDD".into(); 10])))
    }

    async fn codes_saved(&self, _: &RequestContext) -> Result<WithCookies<()>, ServiceError> {
        Ok(WithCookies::plain(()))
    }
}

#[async_trait]
impl OwnAccountService for Memory {
    async fn own_account(&self, context: &RequestContext) -> Result<OwnAccount, ServiceError> {
        let SignedIn { email, role, .. } = context.signed_in.clone().ok_or_else(Problem::sign_in_required)?;
        Ok(OwnAccount { email, role, recovery_codes_left: 7 })
    }

    async fn renew_codes(&self, context: &RequestContext, code: &str) -> Result<RecoveryCodes, ServiceError> {
        self.own_account(context).await?;
        match code {
            "123456" => Ok(RecoveryCodes(vec!["AAAA-BBBB-CCCC-DDDD".into(); 10])),
            _ => Err(Problem::wrong_credentials().into()),
        }
    }
}

fn account(id: &str, email: &str, role: Role, status: AccountStatus) -> AccountRow {
    AccountRow {
        id: id.parse().unwrap(),
        email: email.into(),
        role,
        status,
        created_at: NOW - 86_400,
        last_sign_in_at: (status == AccountStatus::Active).then_some(NOW),
        machines: 2,
    }
}

#[async_trait]
impl AccountService for Memory {
    async fn list(&self, _: &Administrator, search: &str, _: u32) -> Result<Page<AccountRow>, ServiceError> {
        let all = [
            account("1", "ada@example.org", Role::Administrator, AccountStatus::Active),
            account("2", "anna@example.org", Role::User, AccountStatus::Invited),
            account("3", "ben@example.org", Role::User, AccountStatus::Disabled),
        ];
        Ok(page(all.into_iter().filter(|row| row.email.contains(search)).collect()))
    }

    async fn find(&self, admin: &Administrator, id: &str) -> Result<AccountDetail, ServiceError> {
        let row = AccountService::list(self, admin, "", 0)
            .await?
            .rows
            .into_iter()
            .find(|row| row.id.as_str() == id);
        let row = row.ok_or_else(Problem::not_found)?;
        Ok(AccountDetail { is_own: id == "1", is_last_administrator: id == "1", row })
    }

    async fn invite(&self, _: &Administrator, email: &str, _: &str) -> Result<AccountId, ServiceError> {
        email.parse::<EmailAddress>().map_err(|e| Problem::invalid_input().field("email", e.0))?;
        Ok("2".parse().unwrap())
    }

    async fn change(
        &self,
        admin: &Administrator,
        id: &str,
        change: AccountChange,
    ) -> Result<(), ServiceError> {
        let detail = AccountService::find(self, admin, id).await?;
        if detail.is_last_administrator && change.takes_an_administrator_away() {
            return Err(Problem::conflict("This is the only administrator.").into());
        }
        Ok(())
    }
}

#[async_trait]
impl SignInService for Memory {
    async fn sign_in(
        &self,
        _: &RequestContext,
        _: &str,
        password: &str,
    ) -> Result<WithCookies<SignInStep>, ServiceError> {
        match password {
            "correct horse battery" => Ok(WithCookies::plain(SignInStep::Code)),
            _ => Err(Problem::wrong_credentials().into()),
        }
    }

    async fn second_factor(
        &self,
        _: &RequestContext,
        code: &str,
    ) -> Result<WithCookies<SignInStep>, ServiceError> {
        match code {
            "123456" => Ok(WithCookies::plain(SignInStep::Done)),
            _ => Err(Problem::wrong_credentials().into()),
        }
    }

    async fn sign_out(&self, _: &RequestContext) -> Result<WithCookies<()>, ServiceError> {
        Ok(WithCookies { value: (), cookies: vec!["session=; Max-Age=0".into()] })
    }
}

#[async_trait]
impl ProviderService for Memory {
    async fn list(&self, _: &Administrator, _: bool) -> Result<Vec<ProviderRow>, ServiceError> {
        let health = |problem: Option<&str>| ServerHealth {
            problem: problem.map(str::to_owned),
            since: 1_795_300_000,
            latency_ms: 12,
            checked_at: NOW,
        };
        let server = |url: &str, problem| ServerRow { base_url: url.into(), health: Some(health(problem)) };
        let model = |name: &str, state| ModelRow {
            name: name.into(),
            vision: Some(true),
            tools: None,
            reasoning: Some(false),
            context_tokens: Some(32_768),
            bytes: Some(6_140_000_000),
            state,
        };
        let row = |id: &str, name: &str, servers| ProviderRow {
            id: id.into(),
            name: name.into(),
            kind: ProviderKind::Ollama,
            model: "qwen3-vl:8b".into(),
            configured: id.starts_with("configured"),
            is_default: id.starts_with("configured"),
            servers,
            models: vec![model("qwen3-vl:8b", ModelState::Loaded), model("absent", ModelState::Missing)],
            modes: vec!["General".into()],
            failure: None,
        };
        let refused = Some("no model server listens at its address");
        Ok(vec![
            row("configured-0", "Local", vec![server("http://localhost:11434", None)]),
            row("p1", "Farm <b>", vec![server("http://a:11434", None), server("http://b:11434", refused)]),
        ])
    }

    async fn models(&self, _: &Administrator) -> Result<Vec<ProviderModels>, ServiceError> {
        Ok(vec![ProviderModels { provider: "Local".into(), models: vec!["qwen3-vl:8b".into()] }])
    }

    async fn edit(&self, admin: &Administrator, id: &str) -> Result<ProviderEditor, ServiceError> {
        if id.is_empty() {
            return Ok(ProviderEditor { draft: ProviderDraft::default(), row: None });
        }
        let rows = ProviderService::list(self, admin, false).await?;
        let row = rows.into_iter().find(|row| row.id == id).ok_or_else(Problem::not_found)?;
        let draft = ProviderDraft {
            id: id.into(),
            name: row.name.clone(),
            base_url: "http://a:11434".into(),
            more_urls: vec!["http://b:11434".into()],
            has_key: true,
            version: 2,
            ..ProviderDraft::default()
        };
        Ok(ProviderEditor { draft, row: Some(row) })
    }

    async fn save(&self, _: &Administrator, _: ProviderDraft, _: KeyChange) -> Result<String, ServiceError> {
        Err(Problem::conflict("Somebody else has changed this provider.").into())
    }

    async fn delete(&self, _: &Administrator, _: &str) -> Result<(), ServiceError> {
        Err(Problem::conflict("A mode uses this provider.").into())
    }

    async fn test(&self, _: &Administrator, _: &str) -> Result<ProviderTest, ServiceError> {
        Ok(ProviderTest {
            words: "Blue.".into(),
            answered: true,
            ms: 1_250,
            first_ms: Some(400),
            notices: Vec::new(),
        })
    }
}

#[async_trait]
impl WorkflowService for Memory {
    async fn list(&self, _: &Administrator) -> Result<Vec<WorkflowRow>, ServiceError> {
        let name = "Zwei Wege <b>".to_owned();
        Ok(vec![WorkflowRow {
            id: "w1".into(),
            name,
            version: 3,
            nodes: 4,
            modes: 1,
            saved_at: 1_790_000_000,
        }])
    }

    async fn edit(
        &self,
        _: &Administrator,
        id: &str,
        _: Option<i64>,
    ) -> Result<WorkflowEditor, ServiceError> {
        if id == "unknown" {
            return Err(Problem::not_found().into());
        }
        let node = |id: &str, kind: &str, row| DrawnNode {
            id: id.into(),
            kind: kind.into(),
            column: 0,
            row,
            position: None,
        };
        let edge = DrawnEdge { from: 0, to: 1, label: "answer is <yes>".into(), failure: false };
        let nodes = vec![node("read", "read_screen", 0), node("End", "", 1)];
        Ok(WorkflowEditor {
            draft: WorkflowDraft {
                id: id.into(),
                version: 3,
                document: r#"{ "name": "</textarea>", "nodes": [{ "id": "read", "type": "read_screen" }],
                    "edges": [{ "from": "read", "to": ["__end__"], "when": { "equals": { "channel": "answer", "value": "<yes" } } }] }"#
                    .into(),
            },
            drawing: Drawing { columns: 1, rows: 2, nodes, edges: vec![edge] },
            node_types: Vec::new(),
            versions: vec![WorkflowVersion { version: 3, saved_at: 1_790_000_000 }],
        })
    }

    async fn check(&self, _: &Administrator, _: &str) -> Result<Drawing, ServiceError> {
        Err(Problem::invalid_input().field("document", "node a: type: one of branch").into())
    }

    async fn save(&self, _: &Administrator, _: WorkflowDraft) -> Result<String, ServiceError> {
        Err(Problem::conflict("Somebody else has changed this workflow.").into())
    }

    async fn delete(&self, _: &Administrator, _: &str) -> Result<(), ServiceError> {
        Err(Problem::conflict("A mode uses this workflow.").into())
    }
}

#[async_trait]
impl ModeService for Memory {
    async fn list(&self, _: &Administrator) -> Result<Vec<Mode>, ServiceError> {
        let mode = |id: &str, name: &str, description: &str, enabled| Mode {
            id: id.into(),
            name: name.into(),
            description: description.into(),
            prompt: "Answer in plain words.\nQuote </textarea> what you see.".into(),
            provider: String::new(),
            model: "llama3.2-vision".into(),
            workflow: String::new(),
            temperature: 0.3,
            enabled,
            edits_allowed: false,
            groups: Vec::new(),
            position: 0,
            version: 4,
        };
        Ok(vec![
            mode("general", "General", "Answers questions about what is on the screen.", true),
            mode("coach", "Reflective Coach", "Asks back before it advises.", false),
        ])
    }

    async fn save(&self, _: &Administrator, _: Mode) -> Result<Mode, ServiceError> {
        Err(Problem::conflict("Grace saved this mode meanwhile.").into())
    }

    async fn providers(&self, _: &Administrator) -> Result<Vec<String>, ServiceError> {
        Ok(vec!["local".into(), "reader".into()])
    }
}

#[async_trait]
impl OutboxService for Memory {
    async fn list(
        &self,
        _: &Administrator,
        state: Option<MailState>,
        _: u32,
    ) -> Result<Page<MailRow>, ServiceError> {
        let mail = |state, last_error: Option<&str>| MailRow {
            id: "1".into(),
            to: "anna@example.org".into(),
            subject: "Your access was approved".into(),
            text: (state != MailState::Sent).then(|| "Hello,\n\nyour request was approved.".into()),
            state,
            notice: false,
            attempts: 5,
            last_error: last_error.map(str::to_owned),
            created_at: NOW,
            sent_at: None,
        };
        let refused = mail(MailState::Dead, Some("The mail server refused the connection"));
        let by_hand = MailRow {
            id: "by-hand".into(),
            text: Some("Hello again.".into()),
            ..mail(MailState::Sent, None)
        };
        let sent = mail(MailState::Sent, None);
        let all = vec![mail(MailState::Kept, None), refused.clone(), refused, by_hand, sent];
        Ok(page(all.into_iter().filter(|mail| state.is_none_or(|state| mail.state == state)).collect()))
    }

    async fn retry(&self, _: &Administrator, _: &str) -> Result<(), ServiceError> {
        Ok(())
    }

    async fn delivered(&self, _: &Administrator, _: &str) -> Result<(), ServiceError> {
        Ok(())
    }

    async fn take_back(&self, _: &Administrator, id: &str) -> Result<(), ServiceError> {
        if id == "gone" { Err(Problem::conflict("Its text is gone.").into()) } else { Ok(()) }
    }

    async fn retry_all(&self, _: &Administrator) -> Result<u64, ServiceError> {
        Ok(2)
    }
}

#[async_trait]
impl CertificateService for Memory {
    async fn list(
        &self,
        _: &Administrator,
        search: &str,
        _: u32,
    ) -> Result<Page<CertificateRow>, ServiceError> {
        if search == "nothing" {
            return Ok(page(Vec::new()));
        }
        let certificate = |device: &str, revoked_at| CertificateRow {
            id: "1".into(),
            owner: "anna@example.org".into(),
            device_name: device.into(),
            serial: "5f3a9c0d1e2b4a6788990011aabbccdd".into(),
            not_before: NOW,
            not_after: NOW + 90 * 86_400,
            revoked_at,
            revocation_reason: RevocationReason::KeyCompromise,
            revocation_words: "Left on a train".into(),
            last_seen_at: Some(NOW + 3_600),
        };
        Ok(page(vec![certificate("Anna’s laptop", None), certificate("Old desktop", Some(NOW))]))
    }

    async fn revoke(&self, _: &Administrator, _: &str, _: &str, _: &str) -> Result<(), ServiceError> {
        Ok(())
    }

    async fn replacement(&self, _: &Administrator) -> Result<Option<AuthorityChange>, ServiceError> {
        Ok(Some(AuthorityChange { machines_left: 3 }))
    }
}

#[async_trait]
impl OverviewService for Memory {
    async fn overview(&self, _: &Administrator) -> Result<Overview, ServiceError> {
        Ok(Overview {
            pending_requests: 1,
            machines: 12,
            accounts: 9,
            administrators: 1,
            model_servers: 1,
            analyses_today: 231,
            mails_needing_attention: 2,
            failing_models: vec![FailingModel {
                provider: "Local LLM".into(),
                failure: "the model server did not accept the key".into(),
                failed_at: 1_795_000_000,
            }],
            organisation: "Nordwind Clinic".into(),
        })
    }
}

#[async_trait]
impl RunService for Memory {
    async fn list(&self, _: &Administrator, _: &str) -> Result<Vec<RunRow>, ServiceError> {
        Ok(vec![run_row()])
    }

    async fn open(&self, _: &Administrator, id: &str) -> Result<RunDetail, ServiceError> {
        if id == "unknown" {
            return Err(Problem::not_found().into());
        }
        Ok(RunDetail {
            row: run_row(),
            workflow_id: "w1".into(),
            workflow_name: "Zwei Wege <b>".into(),
            document:
                r#"{"name": "a", "version": 3, "nodes": [{ "id": "read", "type": "branch" }], "edges": []}"#
                    .into(),
            drawing: Drawing::default(),
            origin: Some(("r0".into(), 2)),
            steps: Vec::new(),
            checkpoints: vec![CheckpointRow {
                sequence: 1,
                next: vec!["read".into()],
                changes: vec![("notes".into(), "<i>secret</i>".into())],
            }],
            calls: vec![CallRow {
                node: "ask".into(),
                provider: "farm".into(),
                model: "tiny".into(),
                prompt_tokens: 7,
                completion_tokens: 3,
                sent: "You are <b>".into(),
            }],
        })
    }

    async fn replay(&self, _: &Administrator, _: &str, _: u64, _: &str) -> Result<String, ServiceError> {
        Ok("r2".into())
    }
}

fn run_row() -> RunRow {
    RunRow {
        id: "r1".into(),
        state: "finished".into(),
        version: 3,
        email: "anna@example.org".into(),
        is_replay: true,
        started_at: 1_790_000_000,
        ms: Some(42),
        tokens: 10,
    }
}
