//! A router like the server's, around services that answer from memory.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, OnceLock};

use app::design::Organisation;
use app::request_context::{Administrator, RequestContext, WithCookies};
use app::services::*;
use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::routing::post;
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
use protocol::overview::Overview;
use protocol::people::*;
use protocol::review::*;
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
    Nobody,
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
        provide_context(context(who.unwrap_or(Who::Nobody)));
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
            Who::Administrator => Some(person(Role::Administrator)),
            Who::Nobody => None,
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
        machine: None,
        pages_origin: None,
    }
}

fn services() -> Services {
    Services {
        certificates: Arc::new(Memory),
        downloads: Arc::new(Memory),
        links: Arc::new(Memory),
        modes: Arc::new(Memory),
        outbox: Arc::new(Memory),
        overview: Arc::new(Memory),
        requests: Arc::new(Memory),
        reviews: Arc::new(Memory),
        setup: Arc::new(Memory),
        sign_in: Arc::new(Memory),
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
    async fn setup_offer(&self, _: &RequestContext, _: &str) -> Result<SetupOffer, ServiceError> {
        Ok(SetupOffer {
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
    ) -> Result<RecoveryCodes, ServiceError> {
        Ok(RecoveryCodes(vec!["AAAA-BBBB-CCCC-DDDD".into(); 10]))
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
impl ModeService for Memory {
    async fn list(&self, _: &Administrator) -> Result<Vec<Mode>, ServiceError> {
        let mode = |id: &str, name: &str, description: &str, enabled| Mode {
            id: id.into(),
            name: name.into(),
            description: description.into(),
            prompt: "Answer in plain words.\nQuote </textarea> what you see.".into(),
            provider: String::new(),
            model: "llama3.2-vision".into(),
            temperature: 0.3,
            enabled,
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
            attempts: 5,
            last_error: last_error.map(str::to_owned),
            created_at: NOW,
            sent_at: None,
        };
        let refused = mail(MailState::Dead, Some("The mail server refused the connection"));
        let all = vec![mail(MailState::Kept, None), refused.clone(), refused, mail(MailState::Sent, None)];
        Ok(page(all.into_iter().filter(|mail| state.is_none_or(|state| mail.state == state)).collect()))
    }

    async fn retry(&self, _: &Administrator, _: &str) -> Result<(), ServiceError> {
        Ok(())
    }

    async fn delivered(&self, _: &Administrator, _: &str) -> Result<(), ServiceError> {
        Ok(())
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
            analyses_today: 231,
            mails_needing_attention: 2,
            organisation: "Nordwind Clinic".into(),
        })
    }
}
