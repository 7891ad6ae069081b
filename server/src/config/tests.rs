use super::*;

const EXAMPLE: &str = include_str!("../../../config.example.toml");

fn load(text: &str, env: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("aiwe.toml");
    std::fs::write(&path, text).unwrap();
    std::fs::write(folder.path().join("secret"), "from-the-file\n").unwrap();
    let env = env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    Config::load(Some(&path), Path::new("/data"), env)
}

fn wrong(text: &str, env: &[(&str, &str)]) -> Vec<(String, String)> {
    match load(text, env) {
        Err(ConfigError::Fields(wrong)) => wrong.into_iter().map(|w| (w.field, w.expected)).collect(),
        other => panic!("expected wrong fields, got {other:?}"),
    }
}

#[test]
fn without_a_file_everything_has_its_default() {
    let config = Config::load(None, Path::new("/data"), std::iter::empty()).unwrap();
    assert_eq!(config.cookie_port(), None);
    assert_eq!(config.public_url.origin(), "http://localhost:8080");
    assert_eq!(config.machines_url.origin(), "https://localhost:8443");
    assert_eq!(config.pages.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.machines.tls, MachinesTls::BuiltIn);
    assert!(matches!(&config.database.location, Location::Sqlite(p) if p == Path::new("/data/aiwe.db")));
    assert!(config.smtp.is_none() && config.providers.is_empty() && config.proxy.secret.is_none());
    assert!(!config.screenshots.keep && !config.admin.require_certificate);
}

/// The files may be of any authority, and behind a proxy clients see the proxy's certificate.
#[test]
fn only_the_built_in_certificate_is_of_the_built_in_authority() {
    let files = TlsFiles { certificate: "machines.crt".into(), key: "machines.key".into() };
    assert!(MachinesTls::BuiltIn.is_built_in());
    assert!(![MachinesTls::Files(files), MachinesTls::Off].iter().any(MachinesTls::is_built_in));
}

/// The example only states the defaults; with its commented settings enabled it is still valid.
#[test]
fn the_example_has_the_defaults_and_every_setting() {
    let default = load("", &[]).unwrap();
    assert_eq!(format!("{:?}", load(EXAMPLE, &[]).unwrap()), format!("{default:?}"));

    let enabled: String = EXAMPLE
        .lines()
        .map(|line| match line.strip_prefix("#: ") {
            Some(setting) => format!("{setting}\n"),
            None => format!("{line}\n"),
        })
        .collect();
    let config = load(&enabled, &[]).unwrap();
    let smtp = config.smtp.unwrap();
    assert_eq!((smtp.host.as_str(), smtp.port), ("mail.example.org", 587));
    assert!(matches!(config.database.location, Location::Postgres(_)));
    assert_eq!(config.providers.len(), 2);
}

#[test]
fn variables_override_the_file() {
    let config = load(
        "public_url = \"https://a.example.org\"\n[pages]\nlisten = \"127.0.0.1:1\"\n[limits]\nconnections = 7\n",
        &[
            ("AIWE_PAGES__LISTEN", "0.0.0.0:2"),
            ("AIWE_LIMITS__ANALYSES", "9"),
            ("AIWE_ADMIN__REQUIRE_CERTIFICATE", "true"),
            ("AIWE_PROXY__TRUSTED", "10.0.0.0/8, 192.0.2.7"),
            ("AIWE_PUBLIC_URL", ""),
            ("AIWE_CONFIG", "elsewhere"),
            ("PATH", "/bin"),
        ],
    )
    .unwrap();
    assert_eq!(config.pages.listen.port(), 2);
    assert_eq!((config.limits.connections, config.limits.analyses), (7, 9));
    assert!(config.admin.require_certificate);
    assert_eq!(config.proxy.trusted.len(), 2);
    assert_eq!(config.public_url.origin(), "https://a.example.org", "an empty variable counts as absent");
}

#[test]
fn a_password_of_digits_stays_text() {
    let smtp = load(
        "",
        &[
            ("AIWE_SMTP__HOST", "mail.example.org"),
            ("AIWE_SMTP__FROM", "a@example.org"),
            ("AIWE_SMTP__USERNAME", "4711"),
            ("AIWE_SMTP__PASSWORD", "0123"),
        ],
    );
    let (name, password) = smtp.unwrap().smtp.unwrap().credentials.unwrap();
    assert_eq!((name.as_str(), password.expose()), ("4711", "0123"));
}

#[test]
fn lists_are_numbered_in_variables() {
    let config = load(
        "[[providers]]\nname = \"one\"\nkind = \"ollama\"\nbase_url = \"http://localhost:11434/\"\nmodel = \"m\"\n",
        &[
            ("AIWE_PROVIDERS__0__API_KEY", "k"),
            ("AIWE_PROVIDERS__1__NAME", "two"),
            ("AIWE_PROVIDERS__1__KIND", "openai"),
            ("AIWE_PROVIDERS__1__BASE_URL", "https://models.example.org/v1"),
            ("AIWE_PROVIDERS__1__MODEL", "m"),
            ("AIWE_PROVIDERS__1__VISION", "true"),
        ],
    )
    .unwrap();
    assert_eq!(config.providers[0].base_url, "http://localhost:11434");
    assert_eq!(config.providers[0].api_key.as_ref().unwrap().expose(), "k");
    assert_eq!((config.providers[1].kind, config.providers[1].vision), (ProviderKind::OpenAi, true));
    let alone = load(
        "",
        &[
            ("AIWE_PROVIDERS__0__NAME", "two"),
            ("AIWE_PROVIDERS__0__KIND", "openai"),
            ("AIWE_PROVIDERS__0__BASE_URL", "https://models.example.org/v1"),
            ("AIWE_PROVIDERS__0__MODEL", "m"),
        ],
    );
    assert_eq!(alone.unwrap().providers.len(), 1);
}

#[test]
fn every_field_of_a_provider_can_be_set() {
    let text = "[[providers]]\nname = \"Local LLM\"\nkind = \"ollama\"\nbase_url = \"http://localhost:11434\"\n\
                model = \"m\"\napi_key_file = \"secret\"\nmax_tokens = 2048\nmax_text_chars = 500\n";
    let provider = load(
        text,
        &[
            ("AIWE_PROVIDERS__0__FIRST_TOKEN_TIMEOUT_SECONDS", "120"),
            ("AIWE_PROVIDERS__0__IDLE_TIMEOUT_SECONDS", "20"),
            ("AIWE_PROVIDERS__0__ANSWER_TIMEOUT_SECONDS", "240"),
            ("AIWE_PROVIDERS__0__LOAD_TIMEOUT_SECONDS", "600"),
            ("AIWE_PROVIDERS__0__CONTEXT_TOKENS", "8192"),
            ("AIWE_PROVIDERS__0__MAX_TOKENS", "1024"),
            ("AIWE_PROVIDERS__0__MAX_PIXELS", "500000"),
        ],
    );
    let provider = provider.unwrap().providers.remove(0);
    assert_eq!(provider.name, "Local LLM");
    assert_eq!(provider.api_key.as_ref().unwrap().expose(), "from-the-file");
    assert_eq!(
        (provider.max_tokens, provider.max_text_chars, provider.max_pixels),
        (Some(1_024), 500, 500_000)
    );
    let timeouts = (provider.first_token_timeout_seconds, provider.idle_timeout_seconds);
    assert_eq!((timeouts, provider.answer_timeout_seconds), ((120, 20), 240));
    assert_eq!((provider.load_timeout_seconds, provider.context_limit()), (600, Some(8_192)));
    assert!(provider.validate().is_ok(), "what the configuration accepts can be connected");
}

#[test]
fn a_wrong_provider_is_refused_by_field() {
    let one = "[[providers]]\nname = \"Reader\"\nkind = \"ollama\"\nbase_url = \"localhost\"\nmodel = \" \"\nmax_tokens = 0\n";
    let two =
        "[[providers]]\nname = \"a\"\nkind = \"openai\"\nbase_url = \"http://u:p@host/v1\"\nmodel = \"m\"\n";
    let wrong = wrong(&[one, two, two].concat(), &[]);
    let fields: Vec<_> = wrong.iter().map(|(field, _)| field.as_str()).collect();
    let expected = [
        "providers[0].name",
        "providers[0].base_url",
        "providers[0].model",
        "providers[0].max_tokens",
        "providers[1].base_url",
        "providers[2].base_url",
        "providers[2].name",
    ];
    assert_eq!(fields, expected, "{wrong:?}");
    assert!(wrong.iter().all(|(_, expected)| expected.starts_with("expected ")), "{wrong:?}");
}

#[test]
fn secrets_come_from_files_and_never_print() {
    let text = "[database]\nurl = \"postgres://u:hunter2@h/d\"\n[smtp]\nhost = \"localhost\"\nfrom = \"a@example.org\"\n\
                username = \"u\"\npassword_file = \"secret\"\n";
    let config = load(text, &[]).unwrap();
    let printed = format!("{config:?}");
    assert!(!printed.contains("hunter2") && !printed.contains("from-the-file"), "{printed}");
    assert_eq!(config.smtp.unwrap().credentials.unwrap().1.expose(), "from-the-file", "less the line's end");
    // A variable replaces the file's entry, also where one is a value and the other a file.
    let config = load(text, &[("AIWE_SMTP__PASSWORD", "direct"), ("AIWE_DATABASE__URL_FILE", "secret")]);
    assert!(matches!(config, Err(ConfigError::Fields(w)) if w.len() == 1 && w[0].field == "database.url"));
    let both = "[proxy]\nsecret = \"x\"\nsecret_file = \"secret\"\n";
    assert_eq!(wrong(both, &[])[0].0, "proxy.secret");
}

#[test]
fn every_wrong_field_is_named_at_once() {
    let text = "publik_url = \"x\"\npublic_url = \"localhost\"\n[pages]\nlisten = \"here\"\ntls_key = \"secret\"\n\
                [limits]\nanalyses = 0\n[access]\nrequest_lifetime = 3\n[admin]\nsession_hours = \"long\"\n\
                [log]\nformat = \"xml\"\n[[providers]]\nname = \"a\"\nkind = \"magic\"\n";
    let wrong = wrong(text, &[("AIWE_MACHINES__PLAIN", "yes"), ("AIWE_LOG__LEVEL__DEEP", "x")]);
    let fields: Vec<_> = wrong.iter().map(|(field, _)| field.as_str()).collect();
    for field in [
        "access.request_lifetime",
        "admin.session_hours",
        "limits.analyses",
        "log.format",
        "machines.plain",
        "pages.listen",
        "pages.tls_certificate",
        "providers[0].kind",
        "public_url",
        "publik_url",
    ] {
        assert!(fields.contains(&field), "{field} is not in {wrong:?}");
    }
    assert!(wrong.iter().all(|(_, expected)| !expected.is_empty()));
    let hours = wrong.iter().find(|(field, _)| field == "admin.session_hours").unwrap();
    assert_eq!(hours.1, "expected a whole number", "what was found may be a secret");
}

#[test]
fn unsafe_settings_are_refused() {
    assert_eq!(wrong("[machines]\nplain = true\n", &[])[0].0, "machines.plain");
    assert_eq!(wrong("[proxy]\nsecret = \"short\"\n", &[])[0].0, "proxy.secret");
    let smtp = "[smtp]\nhost = \"mail.example.org\"\nfrom = \"a@example.org\"\nusername = \"u\"\npassword = \"p\"\n\
                encryption = \"none\"\n";
    assert_eq!(wrong(smtp, &[])[0].0, "smtp.encryption");
    let smtp = "[smtp]\nhost = \"mail.example.org\"\nfrom = \"a@example.org\"\nhello_name = \"localhost\"\n";
    assert_eq!(wrong(smtp, &[])[0].0, "smtp.hello_name", "mail servers refuse names without a dot");
    assert_eq!(wrong("[organisation]\nname = \"A\\r\\nBcc: x\"\n", &[])[0].0, "organisation.name");
}

#[test]
fn uploads_are_bounded_by_the_protocol() {
    let limits = load("[limits]\nupload_megabytes = 3\nupload_megapixels = 2\n", &[]).unwrap().limits;
    let pictures = limits.picture_limits();
    assert_eq!((pictures.bytes, pictures.pixels), (3_000_000, 2_000_000));
    let default = load("", &[]).unwrap().limits.picture_limits();
    assert_eq!(default, ::analysis::PictureLimits::default(), "the default is what clients check");
    let wrong = wrong("[limits]\nupload_megabytes = 21\nupload_megapixels = 65\n", &[]);
    let fields: Vec<_> = wrong.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(fields, ["limits.upload_megabytes", "limits.upload_megapixels"]);
    assert!(wrong[0].1.contains("20") && wrong[1].1.contains("64"), "{wrong:?}");
}

#[test]
fn sqlite_files() {
    let path =
        |url: &str| match load(&format!("[database]\nurl = \"{url}\"\n"), &[]).unwrap().database.location {
            Location::Sqlite(path) => path,
            Location::Postgres(_) => panic!("no SQLite"),
        };
    assert_eq!(path("sqlite:/srv/a.db"), Path::new("/srv/a.db"));
    assert_eq!(path("sqlite:///srv/a.db"), Path::new("/srv/a.db"));
    assert!(path("sqlite:a.db").ends_with("a.db") && path("sqlite://a.db").is_absolute());
}
