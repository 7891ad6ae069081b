use super::*;

/// The wizard with the pages that it answers.
struct Pages {
    wizard: Wizard,
    connection: Arc<Connection>,
}

impl Pages {
    fn of(fixture: &mut Fixture) -> Self {
        let connection = Arc::new(Connection::opening());
        let placeholder = Enrolment::new(Arc::clone(&fixture.store), None, system_random);
        let enrolment = std::mem::replace(&mut fixture.enrolment, placeholder);
        let connected = Arc::clone(&connection);
        let wizard = Wizard::new(
            enrolment,
            Box::new(move |machine| {
                let (_, configuration) = machine.configuration().unwrap();
                let transport = Arc::new(Transport::new(configuration).unwrap());
                connected.set_state(ConnectionState::Connected(Connected::new(transport, None, None)));
                Ok(())
            }),
            Arc::clone(&connection),
        );
        Self { wizard, connection }
    }

    async fn see(&self) -> String {
        self.send(Method::GET, "", "").await
    }

    /// Presses the button of a form that the page has, with the number that the page has.
    async fn press(&self, page: &str, form: &str, field: &str) -> String {
        assert!(page.contains(&format!("action=\"{ENROL}/{form}\"")), "{page}");
        let number =
            page.split("name=\"number\" value=\"").nth(1).map(|rest| rest.split('"').next().unwrap());
        let body = format!("number={}&{field}", number.unwrap_or_default());
        self.send(Method::POST, &format!("/{form}"), &body).await
    }

    async fn send(&self, method: Method, path: &str, body: &str) -> String {
        let request = Request::builder().method(method).uri(format!("assistant://localhost{ENROL}{path}"));
        let response = self.wizard.handle(&request.body(body.as_bytes().to_vec()).unwrap()).await;
        let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.starts_with("default-src 'none';") && !policy.contains("script"), "{policy}");
        let page = String::from_utf8(response.into_body()).unwrap();
        assert!(!page.contains("<script") && !page.contains("PRIVATE KEY"), "{page}");
        page
    }
}

fn escape(text: &str) -> String {
    Url::parse_with_params("x:?", [("link", text)]).unwrap().query().unwrap().to_owned()
}

#[tokio::test]
async fn the_pages_lead_from_the_programs_link_to_the_sign_in() {
    let mut fixture = Fixture::with(MemoryStore::unavailable()).await;
    let pages = Pages::of(&mut fixture);
    pages.wizard.accept_link(&fixture.right_link()).await;
    let page = pages.see().await;
    let groups = fixture.shared.0.fingerprint().groups();
    assert!(page.contains(&fixture.server.origin()), "{page}");
    assert!(groups.iter().all(|group| page.contains(&format!("<code>{group}</code>"))), "{page}");
    assert!(fixture.fake_server().requests.is_empty(), "nothing is contacted before the person confirms");

    let page = pages.press(&page, "confirm", "").await;
    assert!(page.contains("Ada’s &lt;desk&gt;") && page.contains("match_code"), "{page}");
    let page = pages.press(&page, "code", "match_code=WRNG-2345").await;
    assert!(page.contains("role=\"alert\" id=\"match_code-wrong\">Wrong code"), "{page}");
    let page = pages.press(&page, "code", &format!("match_code={CODE}")).await;
    assert!(page.contains("This machine is set up") && page.contains("only your account can read"), "{page}");
    assert!(page.contains("href=\"http://pages.example/setup/choose-a-password\""), "{page}");
    assert!(page.contains("href=\"/sidebar\""), "{page}");
    assert!(matches!(pages.connection.state(), ConnectionState::Connected(_)));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let name = fixture.store.load().unwrap().unwrap().record.current;
        let file = fixture.folder.path().join("keys").join(name);
        assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test]
async fn the_link_of_the_mail_shows_the_fingerprint_before_the_token_leaves() {
    let mut fixture = Fixture::new().await;
    fixture.fake_server().no_code_wanted = true;
    let pages = Pages::of(&mut fixture);
    pages.wizard.unlock().await;
    let page = pages.see().await;
    let page = pages.press(&page, "link", &escape(&fixture.mail_link())).await;
    assert!(
        page.contains(&fixture.server.origin()) && page.contains("does not say how to recognise"),
        "{page}"
    );
    assert!(fixture.fake_server().requests.is_empty());
    let page = pages.press(&page, "confirm", "").await;
    assert!(page.contains(&format!("<code>{}</code>", fixture.shared.0.fingerprint().groups()[0])), "{page}");
    assert!(fixture.token_stayed_here(), "{:?}", fixture.fake_server().requests);
    let compared = format!("ca={}", fixture.shared.0.fingerprint());
    assert!(page.contains(&compared.replace("ca=", "name=\"ca\" value=\"")), "{page}");
    let again = pages.press(&page, "confirm", "").await;
    assert!(again == page && fixture.token_stayed_here(), "nothing was compared");
    let page = pages.press(&page, "confirm", &compared).await;
    // Whatever the server says: no certificate without a code.
    assert!(page.contains("Enter your match code") && fixture.fake_server().issued.is_none(), "{page}");
    let page = pages.press(&page, "code", "match_code=+").await;
    assert!(page.contains("id=\"match_code-wrong\"") && fixture.fake_server().issued.is_none(), "{page}");
    let page = pages.press(&page, "code", &format!("match_code={CODE}")).await;
    assert!(page.contains("This machine is set up") && page.contains("your system’s key store"), "{page}");
}

#[tokio::test]
async fn several_authorities_have_a_button_each() {
    let (mut fixture, right) = (Fixture::new().await, Authority::new());
    fixture.fake_server().authority_sent = Some(right.pem() + &fixture.shared.0.pem());
    let pages = Pages::of(&mut fixture);
    pages.wizard.accept_link(&fixture.mail_link()).await;
    let page = pages.press(&pages.see().await, "confirm", "").await;
    assert_eq!(page.matches("/confirm\"").count(), 2, "{page}");
    assert!(page.contains("Number 1 matches") && page.contains("Number 2 matches"), "{page}");
    let page = pages.press(&page, "confirm", &format!("ca={}", right.fingerprint())).await;
    assert!(page.contains("The server did not prove itself") && fixture.token_stayed_here(), "{page}");
}

#[tokio::test]
async fn the_page_names_the_enrolment_that_would_be_replaced() {
    let mut fixture = Fixture::new().await;
    let verified = fixture.verified(&fixture.right_link()).await.unwrap();
    fixture.enrolment.redeem(&verified, CODE).await.unwrap();
    let pages = Pages::of(&mut fixture);
    let evil = format!(
        "aiwe://enrol?server=https://evil.example&ca={}&token={TOKEN}",
        Authority::new().fingerprint()
    );
    pages.wizard.accept_link(&evil).await;
    let page = pages.see().await;
    let words = format!("set up with <code>{}</code> already", fixture.server);
    assert!(page.contains(&words) && page.contains("https://evil.example"), "{page}");
    std::fs::write(fixture.folder.path().join("identity.json"), "damaged").unwrap();
    assert!(pages.see().await.contains("cannot be read"));
    pages.wizard.accept_link(&verified_by_system(&evil)).await;
    assert!(pages.see().await.contains("lets your system judge the server"));
}

#[tokio::test]
async fn cancelling_returns_to_an_existing_connection() {
    let mut fixture = Fixture::new().await;
    let transport = Transport::anonymous(
        fixture.server.clone(),
        &Trust::in_authorities(fixture.shared.0.pem().as_bytes()).unwrap(),
    );
    let pages = Pages::of(&mut fixture);
    pages.connection.set_state(ConnectionState::Connected(Connected::new(
        Arc::new(transport.unwrap()),
        None,
        None,
    )));
    pages.wizard.accept_link(&fixture.right_link()).await;
    let page = pages.press(&pages.see().await, "cancel", "").await;
    assert!(page.contains("url=/sidebar") && !pages.wizard.is_unlocked().await, "{page}");
    assert!(pages.send(Method::POST, "/link", &escape(&fixture.mail_link())).await.contains("url=/sidebar"));
}

#[tokio::test]
async fn a_button_needs_the_number_of_its_page() {
    let mut fixture = Fixture::new().await;
    let pages = Pages::of(&mut fixture);
    pages.wizard.accept_link(&fixture.right_link()).await;
    let page = pages.see().await;
    let numbers: Vec<_> = page.split("name=\"number\" value=\"").skip(1).map(|rest| &rest[..33]).collect();
    assert!(numbers.iter().all(|number| number.ends_with('"') && *number == numbers[0]), "{numbers:?}");
    for number in ["", "number=", "number=0", "number=1", "number=2"] {
        for form in ["confirm", "cancel", "link"] {
            assert_eq!(pages.send(Method::POST, &format!("/{form}"), number).await, page);
        }
    }
    assert!(fixture.fake_server().requests.is_empty());
    // The same link again: another page.
    pages.wizard.accept_link(&fixture.right_link()).await;
    assert_ne!(pages.see().await, page);
}

#[tokio::test]
async fn without_random_numbers_nothing_is_confirmed() {
    let mut fixture = Fixture::new().await;
    fixture.enrolment.random = |_| false;
    let pages = Pages::of(&mut fixture);
    pages.wizard.accept_link(&fixture.right_link()).await;
    let page = pages.see().await;
    assert!(page.contains("no random numbers"), "{page}");
    assert_eq!(pages.press(&page, "confirm", "").await, page);
    assert!(fixture.fake_server().requests.is_empty());
}

#[tokio::test]
async fn a_problem_with_an_unknown_field_is_shown() {
    let mut fixture = Fixture::new().await;
    let pages = Pages::of(&mut fixture);
    pages.wizard.accept_link(&fixture.right_link()).await;
    let page = pages.press(&pages.see().await, "confirm", "").await;
    fixture.fake_server().wrong_field = true;
    let page = pages.press(&page, "code", &format!("match_code={CODE}")).await;
    assert!(page.contains("role=\"alert\"") && page.contains("Not such a request"), "{page}");
}

#[tokio::test]
async fn a_page_confirms_only_what_it_shows() {
    let mut fixture = Fixture::new().await;
    let pages = Pages::of(&mut fixture);
    pages.wizard.accept_link("aiwe://enrol?server=https://localhost:1&ca=x").await;
    pages.wizard.accept_link(&fixture.right_link()).await;
    let shown = pages.see().await;
    let evil = format!(
        "aiwe://enrol?server=https://evil.example&ca={}&token={TOKEN}",
        fixture.shared.0.fingerprint()
    );
    pages.wizard.accept_link(&evil).await;
    let page = pages.press(&shown, "confirm", "").await;
    assert!(page.contains("https://evil.example") && page.contains("Is this the right server?"), "{page}");
    assert!(fixture.fake_server().requests.is_empty());
}

#[tokio::test]
async fn a_link_that_comes_while_a_machine_is_enrolled_is_not_lost() {
    let mut fixture = Fixture::new().await;
    let pages = Pages::of(&mut fixture);
    pages.wizard.accept_link(&fixture.right_link()).await;
    let page = pages.press(&pages.see().await, "confirm", "").await;
    let other = format!(
        "aiwe://enrol?server=https://other.example&ca={}&token={TOKEN}",
        fixture.shared.0.fingerprint()
    );
    let code = format!("match_code={CODE}");
    let (done, ()) = tokio::join!(pages.press(&page, "code", &code), pages.wizard.accept_link(&other));
    assert!(done.contains("This machine is set up"), "{done}");
    assert!(pages.see().await.contains("https://other.example"));
}

#[tokio::test]
async fn an_invalid_link_is_shown_at_its_field() {
    let mut fixture = Fixture::new().await;
    let pages = Pages::of(&mut fixture);
    pages.wizard.unlock().await;
    let page = pages.see().await;
    let page = pages.press(&page, "link", &escape("javascript:alert(\"<b>\")")).await;
    assert!(
        page.contains("id=\"link-wrong\"")
            && page.contains("value=\"javascript:alert(&quot;&lt;b&gt;&quot;)\"")
    );
    let page = pages.press(&page, "link", &escape(&fixture.mail_link())).await;
    assert!(page.contains("Is this the right server?"));
    let page = pages.press(&page, "cancel", "").await;
    assert!(page.contains("Set up this machine") && !page.contains("role=\"alert\""), "{page}");
}

#[tokio::test]
async fn a_failure_is_shown_on_its_page_and_can_be_tried_again() {
    let mut fixture = Fixture::new().await;
    let pages = Pages::of(&mut fixture);
    fixture.fake_server().authority_sent = Some(Authority::new().pem());
    pages.wizard.accept_link(&fixture.right_link()).await;
    let page = pages.see().await;
    let page = pages.press(&page, "confirm", "").await;
    assert!(
        page.contains("This is not the server of your link") && page.contains("role=\"alert\""),
        "{page}"
    );
    fixture.fake_server().authority_sent = None;
    let page = pages.press(&page, "confirm", "").await;
    assert!(page.contains("Enter your match code") && !page.contains("role=\"alert\""), "{page}");
    fixture.system.lock();
    let page = pages.press(&page, "code", &format!("match_code={CODE}")).await;
    assert!(page.contains("The key store is locked"), "{page}");
    assert!(fixture.fake_server().issued.is_none(), "no certificate for a key that is not kept");
}

#[tokio::test]
async fn while_nobody_enrols_the_pages_redirect_back() {
    let mut fixture = Fixture::new().await;
    let pages = Pages::of(&mut fixture);
    let page = pages.send(Method::POST, "/link", &escape(&fixture.mail_link())).await;
    assert!(page.contains("url=/sidebar"), "{page}");
    assert!(pages.see().await.contains("url=/sidebar"));
    pages.wizard.unlock().await;
    assert!(pages.see().await.contains("Set up this machine"));
}

#[tokio::test]
async fn a_name_in_other_letters_is_pointed_out() {
    let mut fixture = Fixture::new().await;
    let pages = Pages::of(&mut fixture);
    let authority = fixture.shared.0.fingerprint();
    pages
        .wizard
        .accept_link(&format!("aiwe://enrol?server=https://\u{430}da.example&ca={authority}&token={TOKEN}"))
        .await;
    let page = pages.see().await;
    assert!(page.contains("https://xn--") && page.contains("another script"), "{page}");
}
