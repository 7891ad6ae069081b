//! Simple syntax highlighting: keywords, strings, comments and numbers.
//!
//! Always holds: the tokens joined are the input. Code in an unknown language is one plain token.

/// The kind of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenKind {
    Comment,
    Keyword,
    Number,
    Plain,
    Text,
}

/// Splits `code` into tokens by the rules of `language` (a fence's info string, in any case).
pub fn tokenize<'a>(language: &str, code: &'a str) -> Vec<(TokenKind, &'a str)> {
    let Some(rules) = Rules::of(&language.to_ascii_lowercase()) else {
        return if code.is_empty() { Vec::new() } else { vec![(TokenKind::Plain, code)] };
    };
    let mut found: Vec<(TokenKind, &'a str)> = Vec::new();
    let mut rest = code;
    let mut plain = 0;
    let mut start = code;
    while !rest.is_empty() {
        let (kind, length) = rules.next(rest);
        if kind == TokenKind::Plain {
            plain += length;
        } else {
            if plain > 0 {
                found.push((TokenKind::Plain, &start[..plain]));
            }
            found.push((kind, &rest[..length]));
            plain = 0;
            start = &rest[length..];
        }
        rest = &rest[length..];
    }
    if plain > 0 {
        found.push((TokenKind::Plain, &start[..plain]));
    }
    found
}

struct Rules {
    line_comments: &'static [&'static str],
    block_comment: Option<(&'static str, &'static str)>,
    quotes: &'static [char],
    keywords: &'static str,
}

const C_COMMENT: Option<(&str, &str)> = Some(("/*", "*/"));
const C_WORDS: &str = " abstract as async await auto bool boolean break case catch char class const constexpr \
    continue default defer delete do double else enum export extends extern false final finally float fn for \
    from func function go goto if implements import in include inline instanceof int interface let long map \
    match mod mut namespace new nil null nullptr operator override package private protected public range \
    readonly return self short signed sizeof static string struct super switch template this throw throws \
    trait true try type typedef typeof undefined union unsafe unsigned use using val var virtual void where \
    while yield ";
const SCRIPT_WORDS: &str = " False None True and as assert async await begin break case class continue def del \
    do done elif else elsif end ensure esac except exit export false fi finally for from function global if \
    import in is lambda local module nil nonlocal not null or pass raise require rescue return self set then \
    true try unless until while with yield ";
const SQL_WORDS: &str = " add all alter and as asc begin between by case commit create delete desc distinct drop \
    else end exists from group having in index inner insert into is join key left like limit not null on or \
    order outer primary references rollback select set table then union unique update values view when where \
    with ";

impl Rules {
    fn of(language: &str) -> Option<Self> {
        let rules = |line_comments, block_comment, quotes, keywords| {
            Some(Self { line_comments, block_comment, quotes, keywords })
        };
        match language {
            "rust" | "rs" => rules(&["//"], C_COMMENT, &['"'], C_WORDS),
            "c" | "c++" | "cpp" | "cs" | "csharp" | "dart" | "go" | "h" | "java" | "javascript" | "js"
            | "jsx" | "kotlin" | "kt" | "php" | "scala" | "swift" | "ts" | "tsx" | "typescript" => {
                rules(&["//"], C_COMMENT, &['"', '\'', '`'], C_WORDS)
            }
            "bash" | "dockerfile" | "ini" | "make" | "powershell" | "ps1" | "py" | "python" | "rb"
            | "ruby" | "sh" | "shell" | "toml" | "yaml" | "yml" | "zsh" => {
                rules(&["#"], None, &['"', '\''], SCRIPT_WORDS)
            }
            "json" => rules(&[], None, &['"'], " false null true "),
            "sql" => rules(&["--"], C_COMMENT, &['\''], SQL_WORDS),
            "css" => rules(&[], C_COMMENT, &['"', '\''], ""),
            "html" | "xml" | "svg" => rules(&[], Some(("<!--", "-->")), &['"'], ""),
            _ => None,
        }
    }

    /// The first token of `rest`, which is not empty, and its length in bytes, which is never 0.
    fn next(&self, rest: &str) -> (TokenKind, usize) {
        let first = rest.chars().next().unwrap_or('\0');
        if self.line_comments.iter().any(|mark| rest.starts_with(mark)) {
            return (TokenKind::Comment, rest.find('\n').unwrap_or(rest.len()));
        }
        if let Some((open, close)) = self.block_comment.filter(|(open, _)| rest.starts_with(open)) {
            let end = rest[open.len()..].find(close).map_or(rest.len(), |at| open.len() + at + close.len());
            return (TokenKind::Comment, end);
        }
        if self.quotes.contains(&first) {
            return string_end(rest, first)
                .map_or((TokenKind::Plain, first.len_utf8()), |end| (TokenKind::Text, end));
        }
        if first.is_alphanumeric() || first == '_' {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            let word = format!(" {} ", &rest[..end]);
            let sql = std::ptr::eq(self.keywords, SQL_WORDS);
            let known = self.keywords.contains(if sql { word.to_ascii_lowercase() } else { word }.as_str());
            let digit = first.is_ascii_digit();
            return (
                if known {
                    TokenKind::Keyword
                } else if digit {
                    TokenKind::Number
                } else {
                    TokenKind::Plain
                },
                end,
            );
        }
        (TokenKind::Plain, first.len_utf8())
    }
}

/// Where the string literal at the start of `rest` ends. `None`: not on this line, so it is an apostrophe (a back-quoted
/// string may span lines).
fn string_end(rest: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\n' if quote != '`' => return None,
            _ if c == quote => return Some(at + c.len_utf8()),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_kind<'a>(tokens: &[(TokenKind, &'a str)], kind: TokenKind) -> Vec<&'a str> {
        tokens.iter().filter(|(k, _)| *k == kind).map(|(_, text)| *text).collect()
    }

    #[test]
    fn rust_is_tokenized() {
        let found = tokenize("Rust", "fn main() { // start\n    let x = \"a \\\" // b\" + 42; /* c\n d */ }");
        assert_eq!(of_kind(&found, TokenKind::Keyword), ["fn", "let"]);
        assert_eq!(of_kind(&found, TokenKind::Comment), ["// start", "/* c\n d */"]);
        assert_eq!(of_kind(&found, TokenKind::Text), ["\"a \\\" // b\""]);
        assert_eq!(of_kind(&found, TokenKind::Number), ["42"]);
    }

    #[test]
    fn a_lifetime_and_an_apostrophe_do_not_swallow_the_rest() {
        assert!(of_kind(&tokenize("rust", "fn f<'a>(x: &'a str) {}"), TokenKind::Text).is_empty());
        assert!(of_kind(&tokenize("python", "it's\nall"), TokenKind::Text).is_empty());
    }

    #[test]
    fn sql_is_read_in_either_case() {
        assert_eq!(of_kind(&tokenize("sql", "SELECT a from t -- x"), TokenKind::Keyword), ["SELECT", "from"]);
    }

    #[test]
    fn the_tokens_joined_are_the_code() {
        let samples = [
            "",
            "'",
            "\"\\",
            "é'ü\"—",
            "/* open",
            "<!-- x --> <a href=\"y\">",
            "`a\nb` 'x",
            "0x1f\r\n\t# — '",
        ];
        for language in ["rust", "js", "python", "sql", "json", "html", "css", "nothing", ""] {
            for code in samples {
                let joined: String = tokenize(language, code).iter().map(|(_, text)| *text).collect();
                assert_eq!(joined, code, "{language}");
            }
        }
    }
}
