//! What the pages ask of people's accounts.

use app::services::PeopleService;
use app::visit::{Answer, Visit};
use async_trait::async_trait;
use protocol::Problem;
use protocol::people::{RecoveryCodes, SetupAnswer, SetupOffer, SignInStep};

use super::sign_in::CHALLENGE_SECONDS;
use super::{CookieKind, Origin, People};
use crate::http::Rule;
use crate::secret::{Token, TokenHash};

#[async_trait]
impl PeopleService for People {
    async fn setup_offer(&self, visit: &Visit, token: &str) -> Result<SetupOffer, Problem> {
        self.check_link_rate(visit)?;
        Ok(self.setup_offer_for(token).await?)
    }

    async fn set_up(
        &self,
        visit: &Visit,
        token: &str,
        answer: SetupAnswer,
    ) -> Result<RecoveryCodes, Problem> {
        self.check_link_rate(visit)?;
        Ok(self.set_up_with(token, answer).await?)
    }

    async fn sign_in(
        &self,
        visit: &Visit,
        email: &str,
        password: &str,
    ) -> Result<Answer<SignInStep>, Problem> {
        let challenge = self.check_password(email, password, &panel(visit)).await?;
        let cookie = CookieKind::Challenge.set(challenge.expose(), CHALLENGE_SECONDS, visit.secure);
        Ok(Answer { value: SignInStep::Code, cookies: vec![cookie] })
    }

    async fn second_factor(&self, visit: &Visit, code: &str) -> Result<Answer<SignInStep>, Problem> {
        let challenge = visit.challenge.as_ref().map_or("", |c| c.0.as_str());
        let token = Token::generate(self.env.random.as_ref());
        let seconds = i64::from(self.env.config.admin.session_hours) * 3600;
        self.check_code(challenge, code, &panel(visit), seconds, Some(&token.hash()), None).await?;
        let cookies = vec![
            CookieKind::Session.set(token.expose(), seconds, visit.secure),
            CookieKind::Challenge.remove(visit.secure),
        ];
        Ok(Answer { value: SignInStep::Done, cookies })
    }

    async fn sign_out(&self, visit: &Visit) -> Result<Answer<()>, Problem> {
        if let Some(session) = &visit.session {
            self.end_panel_session(&TokenHash::of(&session.0)).await?;
        }
        Ok(Answer { value: (), cookies: vec![CookieKind::Session.remove(visit.secure)] })
    }
}

impl People {
    /// Bounds how fast one network can try links.
    fn check_link_rate(&self, visit: &Visit) -> Result<(), Problem> {
        let per_minute = self.env.config.limits.links_per_minute;
        self.limits.check_address(Rule::per_minute("links", per_minute), visit.address)
    }

    async fn end_panel_session(&self, token: &TokenHash) -> Result<(), crate::failure::Refusal> {
        let now = self.env.now();
        let mut tx = self.env.store.begin().await?;
        if let Some(session) = tx.panel_session(token, now).await? {
            tx.end_session(&session.id, now).await?;
            tx.audit(now, &session.account_id, "session.ended", &session.id, "signed out").await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

fn panel(visit: &Visit) -> Origin {
    Origin { address: visit.address, machine: None }
}
