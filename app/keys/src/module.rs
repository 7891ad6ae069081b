//! The functions that the page calls.

use std::alloc::{GlobalAlloc, Layout, System};

use time::OffsetDateTime;
use wasm_bindgen::JsError;
use wasm_bindgen::prelude::wasm_bindgen;
use zeroize::{Zeroize, Zeroizing};

use crate::{Answer, KeyError};

/// Zeroizes memory before it is freed.
struct ZeroizingAllocator;

#[global_allocator]
static ALLOCATOR: ZeroizingAllocator = ZeroizingAllocator;

#[expect(
    unsafe_code,
    reason = "an allocator cannot be written without; it delegates everything to the system's"
)]
// SAFETY: every call goes to `System` with the same arguments, and memory is written only before it is freed.
unsafe impl GlobalAlloc for ZeroizingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller upholds the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        // SAFETY: `start` came from `alloc` with this layout, so it is valid for writes of `size` bytes, and nothing else
        // uses it any more.
        unsafe {
            std::slice::from_raw_parts_mut(start.cast::<std::mem::MaybeUninit<u8>>(), layout.size())
                .zeroize();
            System.dealloc(start, layout);
        }
    }
}

/// A new key, which stays in this module, and its request.
#[wasm_bindgen]
#[derive(Debug)]
pub struct MachineKey(crate::MachineKey);

/// A package for the visitor to save.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Package(package::Package);

/// What is wrong with a password, as text for the visitor; `undefined` if nothing is.
#[wasm_bindgen(js_name = passwordProblem)]
pub fn password_problem(password: String) -> Option<String> {
    let password = Zeroizing::new(password);
    package::check_password(&password).err().map(|error| error.to_string())
}

#[wasm_bindgen(js_name = makeKey)]
pub fn make_key() -> Result<MachineKey, JsError> {
    let mut failed = false;
    let key = crate::MachineKey::generate(&mut |bytes| failed |= !fill(bytes));
    if failed { Err(KeyError::Random.into()) } else { Ok(MachineKey(key?)) }
}

#[wasm_bindgen]
impl MachineKey {
    /// PKCS#10, PEM.
    #[wasm_bindgen(getter)]
    pub fn request(&self) -> String {
        self.0.request().to_owned()
    }

    /// The package for `platform` (`windows`, `macos`, `linux`) from the server's `certificates` and `roots`, both PEM.
    pub fn pack(
        &self,
        platform: &str,
        certificates: &str,
        roots: &str,
        password: String,
    ) -> Result<Package, JsError> {
        let password = Zeroizing::new(password);
        let platform = platform.parse()?;
        let answer = Answer { certificates, roots };
        let mut failed = false;
        let mut random = |bytes: &mut [u8]| failed |= !fill(bytes);
        let packed = self.0.package(platform, answer, &password, now(), &mut random);
        if failed { Err(KeyError::Random.into()) } else { Ok(Package(packed?)) }
    }
}

#[wasm_bindgen]
impl Package {
    #[wasm_bindgen(getter, js_name = fileName)]
    pub fn file_name(&self) -> String {
        self.0.file_name.clone()
    }

    #[wasm_bindgen(getter, js_name = mediaType)]
    pub fn media_type(&self) -> String {
        self.0.media_type.to_owned()
    }

    #[wasm_bindgen(getter)]
    pub fn bytes(&self) -> Vec<u8> {
        self.0.bytes.clone()
    }
}

/// False if the browser provides no random bytes.
#[expect(clippy::disallowed_methods, reason = "the one place where the browser's randomness is read")]
fn fill(bytes: &mut [u8]) -> bool {
    getrandom::fill(bytes).is_ok()
}

/// The visitor's clock. Only the files' timestamps depend on it.
#[expect(clippy::disallowed_methods, reason = "the one place where the browser's clock is read")]
fn now() -> OffsetDateTime {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "cut to whole seconds, within ±8.64e12 (ECMA-262 §21.4.1.1)"
    )]
    let seconds = (js_sys::Date::now() / 1000.0) as i64;
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}
