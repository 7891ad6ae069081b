//! The key, made in this page.
//!
//! The module that makes it (`app/keys`) is loaded when it is first needed. The key stays in it while the page is open: a
//! second attempt sends the same request, for which the server returns the same certificate.

use std::cell::RefCell;
use std::time::Duration;

use js_sys::Uint8Array;
use leptos::ev::SubmitEvent;
use leptos::prelude::{document, event_target, set_timeout};
use protocol::Problem;
use protocol::access::{Invalid, Platform};
use protocol::people::NewPassword;
use serde::Serialize;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{FormData, HtmlAnchorElement, HtmlFormElement, RequestInit};

use super::Step;
use crate::web;

const MODULE: &str = "/pkg/aiwe-keys.js";
/// When the `blob:` URL is revoked. Some browsers ask where to save before they read the file.
const REVOKE_AFTER: Duration = Duration::from_mins(2);

thread_local! {
    /// The key of this page's link.
    static CACHED_KEY: RefCell<Option<(String, MachineKey)>> = const { RefCell::new(None) };
}

/// The form's values.
#[derive(Debug)]
pub struct RedeemForm {
    platform: Platform,
    password: NewPassword,
    match_code: String,
}

pub enum Failure {
    /// The module cannot be loaded, or cannot make a key in this browser.
    Module,
    Problem(Problem),
}

impl RedeemForm {
    /// Reads the submitted form.
    ///
    /// # Errors
    /// A problem that names every invalid field.
    pub fn read(event: &SubmitEvent) -> Result<Self, Problem> {
        let form: HtmlFormElement = event_target(event);
        let form = FormData::new_with_form(&form).map_err(web::refused_by_browser)?;
        let value = |field: &str| form.get(field).as_string().unwrap_or_default();
        let mut problem = Problem::invalid_input();
        let mut note = |field, Invalid(message)| problem = problem.clone().field(field, message);
        let platform = value("platform").parse().map_err(|e| note("platform", e));
        let password = value("password").parse().map_err(|e| note("password", e));
        match (platform, password) {
            (Ok(platform), Ok(password)) => Ok(Self { platform, password, match_code: value("match_code") }),
            _ => Err(problem),
        }
    }
}

/// Makes the key of this link, if there is none yet, gets its certificate, and saves the package. Returns the file's name.
pub async fn redeem(token: &str, form: &RedeemForm, on_step: impl Fn(Step)) -> Result<String, Failure> {
    on_step(Step::Loading);
    let module = load().await.map_err(|_| Failure::Module)?;
    // Checked before the link is used up.
    if let Some(words) = module.password_problem(form.password.expose()).map_err(|_| Failure::Module)? {
        let problem =
            Problem::invalid_input().field("password", format!("Choose another password: {words}."));
        return Err(Failure::Problem(problem));
    }
    let key = key_of(token, &module).map_err(|_| Failure::Module)?;
    on_step(Step::Asking);
    let (certificates, roots) =
        certify(token, &key.request(), &form.match_code).await.map_err(Failure::Problem)?;
    on_step(Step::Packing);
    // Packing blocks the page for up to half a second: the browser gets time to show the step first.
    web::sleep(Duration::from_millis(30)).await;
    let packed = key.pack(form.platform.as_str(), &certificates, &roots, form.password.expose());
    let package = packed.map_err(|error| Failure::Problem(not_packed(&error)))?;
    save(&package).map_err(|error| Failure::Problem(not_packed(&error)))
}

async fn load() -> Result<KeysModule, JsValue> {
    let module: KeysModule = import(MODULE).await?.unchecked_into();
    // Does nothing if the module was initialised before.
    module.start().await?;
    Ok(module)
}

fn key_of(token: &str, module: &KeysModule) -> Result<MachineKey, JsValue> {
    let cached = CACHED_KEY
        .with_borrow(|cached| cached.as_ref().filter(|(of, _)| of == token).map(|(_, key)| key.clone()));
    if let Some(key) = cached {
        return Ok(key);
    }
    let key = module.make_key()?;
    CACHED_KEY.set(Some((token.to_owned(), key.clone())));
    Ok(key)
}

/// The body of `POST /public/download-certs/{token}/csr`.
#[derive(Serialize)]
struct Redeem<'a> {
    csr: &'a str,
    match_code: &'a str,
}

/// The certificate chain and the roots, both PEM. The roots are fetched first: that does not use up the link.
async fn certify(token: &str, csr: &str, match_code: &str) -> Result<(String, String), Problem> {
    let roots = web::fetch("/ca.pem", &RequestInit::new(), &[]).await?;
    let roots = web::text(&roots).await?;
    let body = serde_json::to_string(&Redeem { csr, match_code }).map_err(|_| Problem::internal())?;
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_body_opt_str(Some(&body));
    let token = String::from(js_sys::encode_uri_component(token));
    let path = format!("/public/download-certs/{token}/csr");
    let headers = [("accept", "application/pem-certificate-chain"), ("content-type", "application/json")];
    let certificates = web::fetch(&path, &init, &headers).await?;
    Ok((web::text(&certificates).await?, roots))
}

fn not_packed(error: &JsValue) -> Problem {
    let cause =
        error.dyn_ref::<js_sys::Error>().map(|error| String::from(error.message())).unwrap_or_default();
    Problem::new("not-packed", 0, "The file could not be made in this page").detail(format!(
        "Press Download again: the server gives this page the same certificate again. ({cause})"
    ))
}

/// Has the browser save the package.
fn save(package: &Package) -> Result<String, JsValue> {
    let name = package.file_name();
    let url = web::object_url(&package.bytes().to_vec(), &package.media_type())
        .ok_or_else(|| js_sys::Error::new("this browser holds no files for pages"))?;
    let link: HtmlAnchorElement = document().create_element("a")?.unchecked_into();
    link.set_href(&url);
    link.set_download(&name);
    link.click();
    set_timeout(move || web::revoke(&url), REVOKE_AFTER);
    Ok(name)
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch)]
    async fn import(path: &str) -> Result<JsValue, JsValue>;

    type KeysModule;
    #[wasm_bindgen(method, catch, js_name = default)]
    async fn start(this: &KeysModule) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch, js_name = passwordProblem)]
    fn password_problem(this: &KeysModule, password: &str) -> Result<Option<String>, JsValue>;
    #[wasm_bindgen(method, catch, js_name = makeKey)]
    fn make_key(this: &KeysModule) -> Result<MachineKey, JsValue>;

    #[derive(Clone)]
    type MachineKey;
    #[wasm_bindgen(method, getter)]
    fn request(this: &MachineKey) -> String;
    #[wasm_bindgen(method, catch)]
    fn pack(
        this: &MachineKey,
        platform: &str,
        certificates: &str,
        roots: &str,
        password: &str,
    ) -> Result<Package, JsValue>;

    type Package;
    #[wasm_bindgen(method, getter, js_name = fileName)]
    fn file_name(this: &Package) -> String;
    #[wasm_bindgen(method, getter, js_name = mediaType)]
    fn media_type(this: &Package) -> String;
    #[wasm_bindgen(method, getter)]
    fn bytes(this: &Package) -> Uint8Array;
}
