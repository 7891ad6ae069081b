//! Time-based one-time passwords (RFC 6238): SHA-1, six digits, 30 seconds, one step of drift.

use domain::random::Random;
use protocol::people::TotpCode;
use totp_rs::{Builder, Secret, Totp};
use zeroize::Zeroizing;

use crate::failure::Failure;

/// A second factor's secret: 160 bits, as RFC 4226 §4 recommends.
#[derive(Debug)]
pub struct TotpSecret(Secret);

impl TotpSecret {
    pub fn generate(random: &dyn Random) -> Self {
        let mut bytes = Zeroizing::new([0; 20]);
        random.fill(bytes.as_mut());
        Self::from_bytes(bytes.as_ref())
    }

    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(Secret::from(bytes))
    }

    /// Parses the output of [`TotpSecret::grouped`].
    pub fn from_base32(text: &str) -> Option<Self> {
        let text: Zeroizing<String> = Zeroizing::new(text.split_whitespace().collect());
        Secret::try_from_base32(text.as_str()).ok().map(Self)
    }

    pub fn expose(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Base32 in groups of four, for typing by hand.
    pub fn grouped(&self) -> String {
        let text = Zeroizing::new(self.0.to_base32());
        text.as_bytes().chunks(4).map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ")
    }

    /// The QR code of the `otpauth://` URI, as an SVG document.
    pub fn qr_svg(&self, organisation: &str, account: &str) -> Result<String, Failure> {
        // A colon would end the issuer in the label (Key URI format).
        let issuer = organisation.replace(':', " ");
        let totp = self.totp(Some(issuer), account.replace(':', " "))?;
        let url =
            totp.to_url().map_err(|_| Failure::Other("the account has no name for an authenticator"))?;
        let code = qrcode::QrCode::new(Zeroizing::new(url).as_bytes())
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
        let step = totp.check(code.as_str(), u64::try_from(now).unwrap_or_default());
        Ok(step.and_then(|step| i64::try_from(step).ok()))
    }

    fn totp(&self, issuer: Option<String>, account: String) -> Result<Totp, Failure> {
        // SHA-1, six digits, 30 seconds and one step of drift are the builder's defaults.
        Builder::new()
            .with_secret(self.0.clone())
            .with_issuer(issuer)
            .with_account_name(account)
            .build()
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
