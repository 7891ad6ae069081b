//! Rust source as the identifiers and punctuation that paths are made of: without comments, strings, numbers and what
//! is compiled for tests alone.

/// An identifier or keyword (a raw one without its `r#`), `::`, or one character of punctuation; with its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub text: String,
    pub line: usize,
}

/// The tokens of a file, and the modules in files of their own that it declares for tests alone.
#[derive(Debug, Default)]
pub struct Source {
    pub tokens: Vec<Token>,
    pub test_modules: Vec<String>,
}

pub fn read(text: &str) -> Source {
    without_tests(&tokens(text))
}

fn tokens(text: &str) -> Vec<Token> {
    let mut lexer = Lexer { characters: text.chars().collect(), at: 0, line: 1, tokens: Vec::new() };
    while lexer.at < lexer.characters.len() {
        lexer.next();
    }
    lexer.tokens
}

struct Lexer {
    characters: Vec<char>,
    at: usize,
    line: usize,
    tokens: Vec<Token>,
}

impl Lexer {
    fn peek(&self, ahead: usize) -> char {
        self.characters.get(self.at + ahead).copied().unwrap_or('\0')
    }

    fn skip(&mut self, count: usize) {
        for _ in 0..count {
            if self.peek(0) == '\n' {
                self.line += 1;
            }
            self.at += 1;
        }
    }

    fn skip_while(&mut self, wanted: impl Fn(&Self) -> bool) {
        while self.at < self.characters.len() && wanted(self) {
            self.skip(1);
        }
    }

    fn next(&mut self) {
        match (self.peek(0), self.peek(1)) {
            ('/', '/') => self.skip_while(|lexer| lexer.peek(0) != '\n'),
            ('/', '*') => self.block_comment(),
            ('"', _) => self.string(),
            ('\'', _) => self.character_or_lifetime(),
            (first, _) if first == '_' || first.is_alphabetic() => self.word(),
            (first, _) if first.is_ascii_digit() => {
                self.skip_while(|lexer| lexer.peek(0) == '_' || lexer.peek(0).is_alphanumeric());
            }
            (':', ':') => {
                self.push("::".to_owned());
                self.skip(2);
            }
            (first, _) => {
                if !first.is_whitespace() {
                    self.push(first.to_string());
                }
                self.skip(1);
            }
        }
    }

    fn push(&mut self, text: String) {
        self.tokens.push(Token { text, line: self.line });
    }

    /// They nest.
    fn block_comment(&mut self) {
        let mut depth = 0_usize;
        while self.at < self.characters.len() {
            match (self.peek(0), self.peek(1)) {
                ('/', '*') => depth += 1,
                ('*', '/') => depth -= 1,
                _ => {
                    self.skip(1);
                    continue;
                }
            }
            self.skip(2);
            if depth == 0 {
                return;
            }
        }
    }

    fn string(&mut self) {
        self.skip(1);
        while self.at < self.characters.len() && self.peek(0) != '"' {
            self.skip(if self.peek(0) == '\\' { 2 } else { 1 });
        }
        self.skip(1);
    }

    /// `hashes` of them on both sides, which were not read yet.
    fn raw_string(&mut self, hashes: usize) {
        self.skip(hashes + 1);
        while self.at < self.characters.len() {
            let ends = self.peek(0) == '"' && (1..=hashes).all(|ahead| self.peek(ahead) == '#');
            self.skip(1);
            if ends {
                return self.skip(hashes);
            }
        }
    }

    /// `'a'`, `'\n'` and `'\u{1F600}'`, as opposed to `'a`.
    fn character_or_lifetime(&mut self) {
        if self.peek(1) == '\\' {
            self.skip(3);
            self.skip_while(|lexer| lexer.peek(0) != '\'');
            self.skip(1);
        } else if self.peek(2) == '\'' {
            self.skip(3);
        } else {
            self.skip(1);
            self.skip_while(|lexer| lexer.peek(0) == '_' || lexer.peek(0).is_alphanumeric());
        }
    }

    fn word(&mut self) {
        let start = self.at;
        self.skip_while(|lexer| lexer.peek(0) == '_' || lexer.peek(0).is_alphanumeric());
        let word: String = self.characters[start..self.at].iter().collect();
        if matches!(word.as_str(), "r" | "br" | "cr") {
            let hashes = self.characters.iter().skip(self.at).take_while(|next| **next == '#').count();
            if self.peek(hashes) == '"' {
                return self.raw_string(hashes);
            }
            if word == "r" && hashes == 1 {
                // A raw identifier: the word after it counts.
                return self.skip(1);
            }
        }
        // The quotation mark after `b` or `c` is read as any other.
        if !(matches!(word.as_str(), "b" | "c") && matches!(self.peek(0), '"' | '\'')) {
            self.push(word);
        }
    }
}

/// Drops every item, field and statement under a `#[cfg(test)]`.
fn without_tests(tokens: &[Token]) -> Source {
    let mut source = Source::default();
    let mut at = 0;
    while at < tokens.len() {
        let Some(after) = test_attribute(&tokens[at..]) else {
            source.tokens.push(tokens[at].clone());
            at += 1;
            continue;
        };
        at += after;
        let end = at + item(&tokens[at..]);
        source.test_modules.extend(module_in_file(&tokens[at..end]));
        at = end;
    }
    source
}

/// The length of the attribute at the start, if it is a `cfg` that only tests meet.
fn test_attribute(tokens: &[Token]) -> Option<usize> {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    if (text(0), text(1), text(2)) != ("#", "[", "cfg") {
        return None;
    }
    let length = 1 + group(&tokens[1..]);
    let mut words = tokens[3..length].iter().map(|token| token.text.as_str());
    let test = words.clone().any(|word| word == "test") && !words.any(|word| matches!(word, "not" | "any"));
    test.then_some(length)
}

/// The length of what an attribute belongs to, with further attributes.
fn item(tokens: &[Token]) -> usize {
    const KEYWORDS: &[&str] = &[
        "async",
        "const",
        "enum",
        "extern",
        "fn",
        "impl",
        "let",
        "macro_rules",
        "mod",
        "pub",
        "static",
        "struct",
        "trait",
        "type",
        "union",
        "unsafe",
        "use",
    ];
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    let mut at = 0;
    while text(at) == "#" {
        at += 1 + group(&tokens[at + 1..]);
    }
    let is_item = KEYWORDS.contains(&text(at));
    let ends_with_body =
        is_item && !tokens[at..].iter().take(4).any(|token| matches!(&*token.text, "let" | "use"));
    while at < tokens.len() {
        match text(at) {
            ";" => return at + 1,
            "," if !is_item => return at + 1,
            "}" => return at,
            "{" if ends_with_body => return at + group(&tokens[at..]),
            "{" | "(" | "[" => at += group(&tokens[at..]),
            _ => at += 1,
        }
    }
    at
}

/// The length of the group in brackets at the start.
pub fn group(tokens: &[Token]) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token.text.as_str() {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

/// The name in `mod name;`.
fn module_in_file(tokens: &[Token]) -> Option<String> {
    let [.., keyword, name, end] = tokens else { return None };
    (keyword.text == "mod" && end.text == ";").then(|| name.text.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> String {
        read(text).tokens.iter().map(|token| token.text.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn comments_strings_and_numbers_are_left_out() {
        assert_eq!(words("a // crate::x\n/* b /* c */ d */ e"), "a e");
        assert_eq!(
            words(r##"a("x \" y", r#"z " z"#, b"q", br"\", c"w", 1_000u64, 0xff) r#type"##),
            "a ( , , , , , , ) type"
        );
        assert_eq!(words(r"'a' '\'' '\u{1F600}' b'x' &'static str"), "& str");
    }

    #[test]
    fn lines_are_counted_through_strings_and_comments() {
        let source = read("/* 1\n2 */ \"3\n\"\nlast");
        assert_eq!(source.tokens, [Token { text: "last".to_owned(), line: 4 }]);
    }

    #[test]
    fn what_is_for_tests_alone_is_left_out() {
        let text = "use a::b;\n#[cfg(test)]\nmod tests { fn f() { g(); } }\n#[cfg(test)]\n#[path = \"x.rs\"]\nmod more;\nfn h() {}";
        assert_eq!(words(text), "use a :: b ; fn h ( ) { }");
        assert_eq!(read(text).test_modules, ["more"]);
        assert_eq!(words("#[cfg(all(test, unix))] use a::{b, c}; d"), "d");
        assert_eq!(words("S { #[cfg(test)] a: T<U>, b: V }"), "S { b : V }");
        assert_eq!(words("#[cfg(test)] impl A<B, C> for D { fn e() {} } f"), "f");
        assert_eq!(words("#[cfg(not(test))] a;"), "# [ cfg ( not ( test ) ) ] a ;");
    }
}
