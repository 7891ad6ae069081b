use super::*;

fn text(words: &str) -> Inline {
    Inline::Text(words.to_owned())
}

fn code(language: &str, words: &str) -> Block {
    Block::Code { language: language.to_owned(), text: words.to_owned() }
}

#[test]
fn html_stays_text() {
    assert_eq!(
        blocks("<script>alert(1)</script>"),
        [Block::Paragraph(vec![text("<script>alert(1)</script>")])]
    );
    let inline = blocks("a <img src=x onerror=alert(1)> b");
    assert_eq!(
        inline,
        [Block::Paragraph(vec![text("a "), text("<img src=x onerror=alert(1)>"), text(" b")])]
    );
    let Block::Paragraph(found) = &blocks("<!-- note -->\n<b>x</b>\n\nafter")[0] else {
        panic!("no paragraph")
    };
    assert!(found.iter().all(|inline| matches!(inline, Inline::Text(_))));
}

#[test]
fn links_that_run_or_deceive_are_no_links() {
    let sources = [
        "[x](javascript:alert(1))",
        "[x](<java\tscript:alert(1)>)",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "<javascript:alert(1)>",
        "[x][y]\n\n[y]: vbscript:run",
        "[x](&#106;avascript:alert(1))",
        "[x](/admin)",
        "[bank](https://bank.example@evil.example/)",
    ];
    for source in sources {
        let shown = format!("{:?}", blocks(source));
        assert!(!shown.contains("Link {"), "{source}: {shown}");
    }
}

#[test]
fn a_good_link_names_its_host() {
    let found = blocks("[our bank](https://evil.example/login)");
    let [Block::Paragraph(inlines)] = found.as_slice() else { panic!("{found:?}") };
    let [Inline::Link { link, text }] = inlines.as_slice() else { panic!("{inlines:?}") };
    assert_eq!((link.destination.as_str(), plain_text(text).as_str()), ("evil.example", "our bank"));
}

#[test]
fn nothing_in_an_answer_is_hidden() {
    // As characters and as entities, which are decoded while the answer is parsed.
    for hidden in [
        "\u{202E}",
        "\u{2066}",
        "\u{61C}",
        "\u{200B}",
        "\u{AD}",
        "\u{E0041}",
        "\u{2028}",
        "\u{3164}",
        "\u{FFF9}",
    ] {
        let entity = format!("&#x{:X};", u32::from(hidden.chars().next().unwrap()));
        for hidden in [hidden, entity.as_str()] {
            let source = format!(
                "# a{hidden}b\n\na{hidden}b [a{hidden}b](https://e.example/{hidden}x) ![a{hidden}b](x{hidden}y)\n\n\
                 | a{hidden}b |\n|---|\n| a{hidden}b |\n\n<b title=\"{hidden}\">\n"
            );
            let shown = format!("{:?}", blocks(&source));
            // `Debug` escapes most of them, but not all.
            assert!(!shown.contains("\\u{") && !shown.contains(domain::text::is_invisible), "{shown}");
            assert!(!shown.contains("Link {"), "an address with it is no link: {shown}");
        }
        let source = format!("```rust\nif a{hidden}b {{}}\n```\n\n`a{hidden}b`");
        let inline = Block::Paragraph(vec![Inline::Code("ab".to_owned())]);
        assert_eq!(blocks(&source), [code("rust", "if ab {}\n"), inline]);
    }
}

#[test]
fn emoji_and_scripts_stay_whole_in_prose_only() {
    let whole = "👩\u{200D}💻 ❤\u{FE0F} می\u{200C}خواهم";
    assert_eq!(blocks(whole), [Block::Paragraph(vec![text(whole)])]);
    assert_eq!(blocks("`é\u{200D}x`"), [Block::Paragraph(vec![Inline::Code("éx".to_owned())])]);
}

#[test]
fn pictures_are_named_and_not_loaded() {
    for source in ["![a cat](https://spy.example/x.png)", "![a cat](data:image/svg+xml;base64,PHN2Zz4=)"] {
        let found = blocks(source);
        let [Block::Paragraph(inlines)] = found.as_slice() else { panic!("{found:?}") };
        assert!(matches!(inlines.as_slice(), [Inline::Picture { text, .. }] if plain_text(text) == "a cat"));
    }
}

#[test]
fn fences_nest_and_may_stay_open() {
    assert_eq!(
        blocks("````md\n```rust\nfn x() {}\n```\n````\n\nafter"),
        [code("md", "```rust\nfn x() {}\n```\n"), Block::Paragraph(vec![text("after")])]
    );
    assert_eq!(blocks("```rust title=<b>\nlet a"), [code("rust", "let a")]);
    assert_eq!(blocks("~~~\n</code><script>\n~~~"), [code("", "</code><script>\n")]);
}

#[test]
fn lists_tables_and_headings_are_read() {
    let found = blocks(
        "# Title\n\n1. one\n2. **two**\n   - deep\n\n| a | b |\n|---|---|\n| 1 | `2` |\n\n---\n> said",
    );
    let kinds: Vec<_> = found.iter().map(|b| format!("{b:?}").chars().take(5).collect::<String>()).collect();
    assert_eq!(kinds, ["Headi", "List ", "Table", "Rule", "Quote"]);
    let Block::List { start: Some(1), items } = &found[1] else { panic!("{found:?}") };
    assert_eq!(items[0], [Block::Paragraph(vec![text("one")])]);
    assert!(matches!(items[1].as_slice(), [Block::Paragraph(_), Block::List { start: None, .. }]));
    let Block::Table { head, rows } = &found[2] else { panic!("{found:?}") };
    assert_eq!((head.len(), rows.len()), (2, 1));
    assert_eq!(rows[0][1], [Inline::Code("2".to_owned())]);
}

#[test]
fn an_answer_that_nests_thousandfold_stays_shallow_and_whole() {
    fn depth(blocks: &[Block]) -> usize {
        let of = |block: &Block| match block {
            Block::Quote(inner) => 1 + depth(inner),
            Block::List { items, .. } => 1 + items.iter().map(|item| depth(item)).max().unwrap_or(0),
            _ => 1,
        };
        blocks.iter().map(of).max().unwrap_or(0)
    }
    let nested = [
        format!("{} end", ">".repeat(3_000)),
        format!("{}end", "- ".repeat(500)),
        format!("{}end", "1. > ".repeat(300)),
    ];
    for source in nested {
        let found = blocks(&source);
        assert!(depth(&found) <= MAX_DEPTH + 1, "{}", depth(&found));
        assert!(format!("{found:?}").contains("end"));
    }
    assert!(format!("{:?}", blocks(&"*a **b ".repeat(2_000))).len() > 2_000);
}

#[test]
fn every_prefix_of_an_answer_can_be_shown() {
    let source = "# A\n\n- x `y` [z](https://e.example)\n\n```py\nprint('ü')\n```\n\n| a |\n|--|\n| b |\n";
    for (end, _) in source.char_indices() {
        blocks(&source[..end]);
    }
}
