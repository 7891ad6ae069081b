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
