//! The pages' interface to accounts.

use app::request_context::{RequestContext, WithCookies};
use app::services::PeopleService;
use async_trait::async_trait;
use domain::audit::Action;
use protocol::Problem;
use protocol::people::{RecoveryCodes, SetupAnswer, SetupOffer, SignInStep};

use super::sign_in::CHALLENGE_SECONDS;
use super::{Origin, People};
use domain::account::SessionKind;
use domain::secret::{Token, TokenHash};
use web::{CookieKind, Rule};

#[async_trait]
impl PeopleService for People {
    async fn setup_offer(&self, context: &RequestContext, token: &str) -> Result<SetupOffer, Problem> {
        self.check_link_rate(context).await?;
        Ok(self.setup_offer_for(token).await?)
    }

    async fn set_up(
        &self,
        context: &RequestContext,
        token: &str,
        answer: SetupAnswer,
    ) -> Result<RecoveryCodes, Problem> {
        self.check_link_rate(context).await?;
        Ok(self.set_up_with(token, answer).await?)
    }

    async fn sign_in(
        &self,
        context: &RequestContext,
        email: &str,
        password: &str,
    ) -> Result<WithCookies<SignInStep>, Problem> {
        let challenge = self.check_password(email, password, &panel(context)).await?;
        let cookie = CookieKind::Challenge.set(challenge.expose(), CHALLENGE_SECONDS, context.secure);
        Ok(WithCookies { value: SignInStep::Code, cookies: vec![cookie] })
    }

    async fn second_factor(
        &self,
        context: &RequestContext,
        code: &str,
    ) -> Result<WithCookies<SignInStep>, Problem> {
        let challenge = context.challenge.as_ref().map_or("", |c| c.0.as_str());
        let token = Token::generate(self.env.random.as_ref());
        let seconds = i64::from(self.env.config.admin.session_hours) * 3600;
        let kind = SessionKind::Panel { last_used_at: self.env.now() };
        self.check_code(challenge, code, &panel(context), seconds, Some(&token.hash()), kind).await?;
        let cookies = vec![
            CookieKind::Session.set(token.expose(), seconds, context.secure),
            CookieKind::Challenge.remove(context.secure),
        ];
        Ok(WithCookies { value: SignInStep::Done, cookies })
    }

    async fn sign_out(&self, context: &RequestContext) -> Result<WithCookies<()>, Problem> {
        if let Some(session) = &context.session {
            self.end_panel_session(&TokenHash::of(&session.0)).await?;
        }
        Ok(WithCookies { value: (), cookies: vec![CookieKind::Session.remove(context.secure)] })
    }
}

impl People {
    /// Limits how fast one network can try links.
    async fn check_link_rate(&self, context: &RequestContext) -> Result<(), Problem> {
        let per_minute = self.env.config.limits.links_per_minute;
        self.limits.check_address(Rule::per_minute("links", per_minute), context.address).await
    }

    async fn end_panel_session(&self, token: &TokenHash) -> Result<(), crate::failure::ServiceError> {
        let now = self.env.now();
        let mut tx = self.env.store.begin().await?;
        if let Some(session) = tx.sessions().find_panel(token, now).await? {
            tx.sessions().end(&session.id, now).await?;
            tx.audit_log()
                .append(now, &session.account_id, Action::SessionEnded, &session.id, "signed out")
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

fn panel(context: &RequestContext) -> Origin {
    Origin { address: context.address, machine: None }
}
