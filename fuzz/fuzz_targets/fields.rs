//! What a stranger types: it is refused, or stays the same when it is read again, and hides nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol::access::{DeviceName, EmailAddress, MatchCode, Message};
use protocol::people::TotpCode;
use protocol::text::{is_invisible, visible, visible_prose};

fuzz_target!(|typed: &str| {
    if let Ok(address) = typed.parse::<EmailAddress>() {
        assert!(!address.as_str().contains(is_invisible));
        assert!(address.as_str().parse::<EmailAddress>().as_ref() == Ok(&address));
    }
    if let Ok(name) = typed.parse::<DeviceName>() {
        assert!(!name.as_str().contains(is_invisible) && (1..=64).contains(&name.as_str().chars().count()));
        assert!(name.as_str().parse::<DeviceName>().as_ref() == Ok(&name));
    }
    if let Ok(message) = typed.parse::<Message>() {
        assert!(!message.as_str().contains(|c| c != '\n' && is_invisible(c)));
        assert!(message.as_str().parse::<Message>().as_ref() == Ok(&message));
    }
    if let Ok(code) = typed.parse::<MatchCode>() {
        assert!(code.grouped().parse::<MatchCode>().as_ref() == Ok(&code));
    }
    if let Ok(code) = typed.parse::<TotpCode>() {
        assert!(code.as_str().bytes().all(|digit| digit.is_ascii_digit()));
    }
    assert!(!DeviceName::from_stored(typed).as_str().contains(is_invisible));
    let shown = visible_prose(typed);
    assert_eq!(visible_prose(&shown), shown);
    assert_eq!(visible(&visible(typed)), visible(typed));
});
