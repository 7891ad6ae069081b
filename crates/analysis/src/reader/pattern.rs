//! The patterns by which errors are known. They allow for what text recognition gets wrong: lost or doubled
//! spaces, one kind of bracket or dash for another, `0` read as `O`, `Q` or `@`.

use std::sync::LazyLock;

use regex::Regex;

/// A pattern that is compiled when it is first needed. That each compiles is a test below.
pub(super) struct Pattern {
    regex: LazyLock<Regex>,
}

impl Pattern {
    const fn new(compile: fn() -> Regex) -> Self {
        Self { regex: LazyLock::new(compile) }
    }

    /// The groups of the first match, missing ones as empty.
    pub fn groups<'t, const N: usize>(&self, text: &'t str) -> Option<[&'t str; N]> {
        let captures = self.regex.captures(text)?;
        Some(std::array::from_fn(|index| captures.get(index + 1).map_or("", |group| group.as_str().trim())))
    }

    pub fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

macro_rules! patterns {
    ($($(#[$doc:meta])* $name:ident = $regex:literal;)*) => {
        $($(#[$doc])* pub(super) static $name: Pattern = Pattern::new(|| {
            // A constant: `every_pattern_compiles` runs each.
            Regex::new($regex).expect(stringify!($name))
        });)*

        #[cfg(test)]
        static ALL: &[&Pattern] = &[$(&$name),*];
    };
}

patterns! {
    /// Code, message.
    RUST_CODE = r"(?i)^\W{0,3}error\s*[\[({|]\s*([EF£€]\s?[0-9OQDIlS@]{4})\s*[\])}|jJ1l]?\s*:?\s*(.*)";
    /// File, line, column, after rustc's arrow or something like it.
    RUST_LOCATION = r"(?:[-—–=~]{1,3}\s*[>»]|^\W*)\s*([\w./\\~+-]+\.rs)\s?:\s?(\d+)\s?:\s?(\d+)";
    /// All after the words.
    RUST_PANIC = r"(?i)^\W*thread\s.*\bpanicked at\s*(.*)";
    /// File, line.
    PYTHON_LOCATION = r#"(?i)^\W*File\s*["“”'‘’«]*([^"“”'‘’»,]+?)["“”'‘’»]*\s*[,.]\s*line\s*(\d+)"#;
    /// Whole lines that begin a Python traceback.
    PYTHON_TRACEBACK = r"(?i)\btraceback\b.*\brecent\s*call";
    /// Exception, message.
    EXCEPTION = r"^\W{0,3}(?:Uncaught\s+(?:\(in promise\)\s+)?|Exception in thread\s+\S+\s+|Caused by:\s*)?((?:[a-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Interrupt|Iteration|Exit|Failure))\b\s*(?::\s*(.*))?$";
    /// File, line.
    JAVA_LOCATION = r"^\W{0,3}at\s+[\w.$<>/]+\s?\((\w+\.(?:java|kt|scala))\s?:\s?(\d+)\)";
    /// File, line, column.
    JAVASCRIPT_LOCATION = r"^\W{0,3}at\s+(?:.*\()?(?:file://)?([\w./\\:@-]+\.[cm]?[jt]sx?):(\d+):(\d+)\)?";
    /// File, line, column, code, message.
    TYPESCRIPT = r"([\w./\\@~-]+\.[cm]?tsx?)\s?[(:]\s?(\d+)\s?[,:.]\s?(\d+)\s?\)?\s*[:\-–—]*\s*error\s*TS\s?([0-9OQ]{4,5})\s*:?\s*(.*)";
    /// Message, code: as editors show it.
    TYPESCRIPT_HINT = r"(.*?)\s*\bts\s?\(([0-9]{4,5})\)";
    /// File, line, column, message.
    C_LIKE = r"([\w./\\~+-]+\.(?:c|cc|cpp|cxx|h|hh|hpp|m|mm|java|kt|swift|cs|zig|f90))\s?[:(]\s?(\d+)\s?(?:[:,]\s?(\d+)\s?)?[:)]*\s*(?:fatal\s+)?error\b[^:]{0,12}:\s*(.*)";
    /// File, line, column, message.
    GO = r"^\W{0,3}([\w./\\~-]+\.go)\s?:\s?(\d+)\s?:\s?(?:(\d+)\s?:)?\s*(.+)";
    /// Symbol.
    LINKER = r#"(?i)undefined\s+reference\s+to\s*[`'"‘’“”]*([\w:~<>(), *&]+)"#;
    /// Code.
    NPM_CODE = r"(?i)^\W*npm\s*(?:ERR!?|error)\s+code\s+(\w+)";
    /// Message.
    NPM = r"(?i)^\W*npm\s*(?:ERR!|error)\s+(.*)";
    /// Command; in zsh it stands last.
    COMMAND_NOT_FOUND = r"(?i)(?:([\w./+-]+)\s?:\s*)?command\s+not\s+found(?:\s?:\s*([\w./+-]+))?";
    /// What was not found.
    NO_SUCH_FILE = r#"(?i)([^\s:'"‘’“”]+)['"’”]?\s?:\s*No\s+such\s+file\s+or\s+directory"#;
    /// What was denied.
    PERMISSION_DENIED = r"(?i)(?:([^\s:]+)\s?:\s*)?Permission\s+denied";
    SEGMENTATION_FAULT = r"(?i)\bsegmentation\s+fault\b|\bSIGSEGV\b|\baccess\s+violation\b";
    /// What a question asks for.
    ASKS_AMOUNT = r"(?i)\b(how (much|many|large|big|long|high|old|far|often)|(what|which) (is the )?(total|sum|price|cost|number|amount|size)|wie ?(viele?|hoch|gro(ß|ss)|lange|oft)|combien|quel(le)? (prix|montant|nombre))\b";
    ASKS_FAILURE = r"(?i)\b(why|errors?|fail\w*|wrong|broken?|crash\w*|exceptions?|warnings?|problems?|warum|wieso|fehler\w*|falsch|pourquoi|erreurs?)\b";
    ASKS_PLACE = r"(?i)\b(which|what|in welche[rsnm]?|welche[rsnm]?|quelle?) (file|lines?|file and line|line and file|column|zeile|datei|ligne|fichier)\b";
    ASKS_TIME = r"(?i)\b(when|what (time|day|date)|which (day|date)|due|deadline|wann|wie spät|an welchem (tag|datum)|quand|quelle (heure|date)|quel jour)\b";
    /// What is asked for.
    AMOUNT = r"(?:^|[^\w.])[-+]?\d[\d.,' ]*(?:\b|$)|[$€£¥]\s?\d";
    FAILURE = r"(?i)\b(error|fail\w*|fatal|panick?\w*|cannot|can't|could not|couldn't|unable|denied|refused|timed? ?out|timeout|invalid|missing|no (such|space)|not found|undefined|undeclared|mismatched|unexpected|exception|traceback|warning|fehler\w*|fehlgeschlagen|erreur|échec)\b|[A-Z]\w+(Error|Exception)\b|[✖✗✘]";
    PLACE = r"(?i)[\w./\\-]+\.[a-z]{1,5}\s?[:(]\s?\d+|\b(line|ln|zeile|ligne)\s*\d+|-->";
    TIME = r"(?ix) \b\d{1,2}[:h]\d{2}\b | \b\d{4}-\d{2}-\d{2}\b | \b\d{1,2}[./]\d{1,2}[./](\d{2}|\d{4})\b
        | \b\d{1,2}(st|nd|rd|th|\.|er)?\s(of\s)?(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mär|mai|okt|dez|f[ée]v|avr|juin|juil|ao[uû]|d[ée]c)[\w]*
        | \b(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\s\d{1,2}\b
        | \b(mon|tues|wednes|thurs|fri|satur|sun)day\b | \b(montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag)\b
        | \b(lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche)\b | \b(today|tomorrow|yesterday|noon|midnight|heute|morgen|demain)\b
        | \b\d{1,2}\s?(am|pm|uhr|o'clock|heures)\b";
    /// Word, message.
    GENERIC = r"(?i)^\W{0,4}(?:[\w./-]+:\s*)?(error|fatal(?:\s+error)?|exception|unhandled exception|panic|critical)\s?[:!]\s*(\S.*)";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles() {
        for pattern in ALL {
            assert!(!pattern.matches("quiet"));
        }
    }
}
