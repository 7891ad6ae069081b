//! Time-based one-time passwords (RFC 6238): SHA-1, six digits, 30 seconds, one step of drift.

use protocol::people::TotpCode;
use subtle::ConstantTimeEq;
use totp_rs::{Algorithm, TOTP};
use zeroize::Zeroizing;

use crate::failure::Failure;
use domain::random::Random;

const STEP_SECONDS: u64 = 30;

/// A second factor's secret: 160 bits, as RFC 4226 §4 recommends.
pub struct TotpSecret(Zeroizing<Vec<u8>>);

impl std::fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TotpSecret([redacted])")
    }
}

impl TotpSecret {
    pub fn generate(random: &dyn Random) -> Self {
        let mut bytes = Zeroizing::new(vec![0; 20]);
        random.fill(&mut bytes);
        Self(bytes)
    }

    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.to_vec()))
    }

    /// Parses the output of [`TotpSecret::grouped`].
    pub fn from_base32(text: &str) -> Option<Self> {
        let text: String = text.split_whitespace().collect();
        totp_rs::Secret::Encoded(text).to_bytes().ok().map(|bytes| Self(Zeroizing::new(bytes)))
    }

    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Base32 in groups of four, for typing by hand.
    pub fn grouped(&self) -> String {
        let text = Zeroizing::new(self.base32());
        text.as_bytes().chunks(4).map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ")
    }

    /// The QR code of the `otpauth://` URI, as an SVG document.
    pub fn qr_svg(&self, organisation: &str, account: &str) -> Result<String, Failure> {
        // A colon would end the issuer in the label (Key URI format).
        let issuer = organisation.replace(':', " ");
        let totp = self.totp(Some(issuer), account.replace(':', " "))?;
        let code = qrcode::QrCode::new(Zeroizing::new(totp.get_url()).as_bytes())
            .map_err(|_| Failure::Other("the QR code does not hold the address"))?;
        let svg = code
            .render::<qrcode::render::svg::Color<'_>>()
            .min_dimensions(200, 200)
            .dark_color(qrcode::render::svg::Color("#000000"))
            .light_color(qrcode::render::svg::Color("#ffffff"))
            .build();
        // Embedded in HTML, the XML declaration would show as text.
        Ok(svg.find("<svg").map_or_else(|| svg.clone(), |start| svg[start..].to_owned()))
    }

    /// The time step of `code`, if it is one of the three around `now`.
    pub fn matching_step(&self, code: &TotpCode, now: i64) -> Result<Option<i64>, Failure> {
        let totp = self.totp(None, String::new())?;
        let current = u64::try_from(now).unwrap_or_default() / STEP_SECONDS;
        let mut matched = None;
        for step in current.saturating_sub(1)..=current + 1 {
            let expected = Zeroizing::new(totp.generate(step * STEP_SECONDS));
            if bool::from(expected.as_bytes().ct_eq(code.as_str().as_bytes())) {
                matched = i64::try_from(step).ok();
            }
        }
        Ok(matched)
    }

    fn base32(&self) -> String {
        totp_rs::Secret::Raw(self.0.to_vec()).to_encoded().to_string()
    }

    fn totp(&self, issuer: Option<String>, account: String) -> Result<TOTP, Failure> {
        TOTP::new(Algorithm::SHA1, 6, 1, STEP_SECONDS, self.0.to_vec(), issuer, account)
            .map_err(|_| Failure::Other("a second factor's secret is not usable"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B (SHA-1), cut to six digits.
    #[test]
    fn the_rfc_vectors_match() {
        let secret = TotpSecret::from_bytes(b"12345678901234567890");
        for (time, code) in [(59, "287082"), (1_111_111_109, "081804"), (2_000_000_000, "279037")] {
            let code: TotpCode = code.parse().unwrap();
            assert_eq!(secret.matching_step(&code, time).unwrap(), Some(time / 30));
            assert_eq!(secret.matching_step(&code, time + 30).unwrap(), Some(time / 30), "one step late");
            assert_eq!(secret.matching_step(&code, time + 60).unwrap(), None, "two steps late");
        }
    }

    #[test]
    fn the_qr_code_is_an_svg_without_script() {
        let svg = TotpSecret::from_bytes(&[1; 20]).qr_svg("An: Organisation", "anna@example.org").unwrap();
        assert!(svg.starts_with("<svg") && !svg.contains("<script"), "{svg}");
    }
}
