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
    assert_eq!(inline, [Block::Paragraph(vec![text("a <img src=x onerror=alert(1)> b")])]);
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

fn paragraph(words: &str) -> Block {
    Block::Paragraph(vec![text(words)])
}

/// Bold as `«…»`, code as `‹…›`, struck as `[-…-]`.
fn marked(source: &str) -> String {
    fn of(inlines: &[Inline]) -> String {
        inlines
            .iter()
            .map(|inline| match inline {
                Inline::Break => "↵".to_owned(),
                Inline::Code(text) => format!("‹{text}›"),
                Inline::Emphasis(inner) => format!("/{}/", of(inner)),
                Inline::Link { text, .. } | Inline::Picture { text, .. } => of(text),
                Inline::Strike(inner) => format!("[-{}-]", of(inner)),
                Inline::Strong(inner) => format!("«{}»", of(inner)),
                Inline::Text(text) => text.clone(),
            })
            .collect()
    }
    let found = blocks(source);
    let [Block::Paragraph(inlines)] = found.as_slice() else { panic!("{source}: {found:?}") };
    of(inlines)
}

#[test]
fn bold_beside_cjk_punctuation_is_bold() {
    for (source, expected) in [
        ("これは**「重要」**です。", "これは«「重要」»です。"),
        ("값은 **`foo()`**입니다", "값은 «‹foo()›»입니다"),
        ("**重要：**下面**（一）**和**二**。", "«重要：»下面«（一）»和«二»。"),
        ("2 ** 3 と **太字** と a**b**c", "2 ** 3 と «太字» と a«b»c"),
        ("`**「` と **「x」**と", "‹**「› と «「x」»と"),
    ] {
        assert_eq!(marked(source), expected);
    }
}

#[test]
fn formulas_and_paths_keep_their_backslashes() {
    for (source, expected) in [
        (r"So \(E=mc^2\) holds", r"So \(E=mc^2\) holds"),
        (r"\[a_1 * b_1 \\ \{c\}\]", r"\[a_1 * b_1 \\ \{c\}\]"),
        (r"$$\{a*b*c\}$$ costs $5", r"$$\{a*b*c\}$$ costs $5"),
        (r"Open C:\_tmp\*.log.", r"Open C:\_tmp\*.log."),
        (r"See **C:\Program Files (x86)\_app\**, then", r"See «C:\Program Files (x86)\_app\», then"),
        (r"\\server\share_a\_b_ and %TEMP%\~x and ..\_y", r"\\server\share_a\_b_ and %TEMP%\~x and ..\_y"),
        (r"not\_a\_path, 2\*3, \*no\*, 1\) \[x\]", r"not_a_path, 2*3, *no*, 1) \[x\]"),
        (r"`\(x\)` and `C:\_tmp`", r"‹\(x\)› and ‹C:\_tmp›"),
    ] {
        assert_eq!(marked(source), expected);
    }
    assert_eq!(blocks("```\nC:\\_tmp \\(x\\) ~a~\n```"), [code("", "C:\\_tmp \\(x\\) ~a~\n")]);
    assert_eq!(blocks("    C:\\_tmp ~a~\n"), [code("", "C:\\_tmp ~a~\n")]);
}

#[test]
fn a_single_tilde_never_strikes() {
    for (source, expected) in [
        ("~2000 to ~5000 and a ~word~ b 10~20", "~2000 to ~5000 and a ~word~ b 10~20"),
        ("~~gone~~ `~a~` [x](https://e.example/~u/~v)", "[-gone-] ‹~a~› x"),
    ] {
        assert_eq!(marked(source), expected);
    }
}

#[test]
fn line_breaks_of_html_are_breaks() {
    assert_eq!(marked("one<br>two<BR/>three<br />four"), "one↵two↵three↵four");
    let found = blocks("| a |\n|---|\n| 1<br>2 |\n");
    let [Block::Table { rows, .. }] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(rows[0][0], [text("1"), Inline::Break, text("2")]);
    assert_eq!(marked("`<br>`"), "‹<br>›");
}

#[test]
fn details_are_shown_without_their_tags() {
    let source = "Before\n<details>\n<summary><b>More</b> here</summary>\n\n- one\n</details>\nafter";
    let found = blocks(source);
    assert!(!format!("{found:?}").contains("details") && !format!("{found:?}").contains("<b>"), "{found:?}");
    assert_eq!(found[1], Block::Paragraph(vec![Inline::Strong(vec![text("More here")])]));
    assert!(matches!(&found[2], Block::List { .. }) && found[3] == paragraph("after"), "{found:?}");
    let inside = "<details><summary>T</summary>**x**</details>";
    let strong = |words| Block::Paragraph(vec![Inline::Strong(vec![text(words)])]);
    assert_eq!(blocks(inside), [strong("T"), strong("x")]);
}

/// Sixty-four kilobytes of it.
fn repeated(unit: &str) -> String {
    unit.repeat(64_000 / unit.len())
}

/// Counts as the page does: elements and texts.
fn nodes(blocks: &[Block]) -> usize {
    fn inline(inlines: &[Inline]) -> usize {
        inlines
            .iter()
            .map(|one| match one {
                Inline::Emphasis(inner) | Inline::Strike(inner) | Inline::Strong(inner) => 1 + inline(inner),
                Inline::Link { text, .. } | Inline::Picture { text, .. } => 1 + inline(text),
                _ => 1,
            })
            .sum()
    }
    let row = |cells: &Vec<Vec<Inline>>| 1 + cells.iter().map(|cell| 1 + inline(cell)).sum::<usize>();
    blocks
        .iter()
        .map(|block| match block {
            Block::Code { text, .. } => 12 + max_tokens(text.len()),
            Block::Heading { text, .. } | Block::Paragraph(text) => 1 + inline(text),
            Block::List { items, .. } => 1 + items.iter().map(|item| 1 + nodes(item)).sum::<usize>(),
            Block::Quote(inner) => 1 + nodes(inner),
            Block::Rule => 1,
            Block::Table { head, rows } => 1 + row(head) + rows.iter().map(row).sum::<usize>(),
        })
        .sum()
}

#[test]
fn a_long_answer_becomes_a_bounded_tree_and_its_rest_stays_text() {
    let table = format!("| a | b |\n|---|---|\n{}", repeated("|1|2|\n"));
    let wide = format!("|{}\n|{}\n{}", "a|".repeat(8_000), "-|".repeat(8_000), "|\n".repeat(16_000));
    let texts = [
        table.clone(),
        wide,
        repeated("x\n\n"),
        repeated("- x\n"),
        repeated("*a* `b` "),
        repeated("```c\nint a=1;\n```\n"),
        format!("```c\n{}", repeated("a=1+2;")),
        repeated("> - "),
        repeated("[a](https://e.example) "),
        repeated("# a\n"),
        repeated("a<br>"),
    ];
    for source in texts {
        let mut document = Document::default();
        document.update(&source, true);
        let whole: Vec<Block> = document.blocks().cloned().collect();
        assert!(nodes(&whole) <= MAX_NODES + 1_500, "{}: {:.40}", nodes(&whole), source);
        assert!(source.ends_with(document.rest()));
        assert!(document.parsed_bytes() <= source.len());
    }
    let mut document = Document::default();
    document.update(&table, true);
    assert!(document.rest().starts_with("|1|2|\n"), "cut between two rows: {:.20}", document.rest());
    let shown = document.blocks().map(|block| match block {
        Block::Table { rows, .. } => rows.len(),
        _ => 0,
    });
    assert_eq!(shown.sum::<usize>() + document.rest().lines().count(), table.lines().count() - 2);
}

#[test]
fn a_delta_parses_the_tail_alone() {
    let paragraphs = repeated("Some words of an **answer**.\n\n");
    let table = format!("| a | b |\n|---|---|\n{}", repeated("|1|2|\n"));
    let code = format!("Look:\n\n```c\n{}", repeated("int a = 1;\n\n"));
    // The last: a table, which is one block, is parsed as far as it is shown and no further.
    for (source, most) in [(&paragraphs, 4 * paragraphs.len()), (&table, 8 * table.len())] {
        let mut document = Document::default();
        for end in (0..source.len()).step_by(500) {
            document.update(&source[..end], false);
            assert!(document.nodes() <= MAX_NODES + 500);
        }
        document.update(source, true);
        assert!(document.parsed_bytes() <= most, "{} of {}", document.parsed_bytes(), source.len());
    }
    let mut document = Document::default();
    document.update(&code, false);
    assert_eq!(document.blocks().count(), 2, "an empty line in a fence ends nothing");
    assert!((300..1_000).contains(&document.pause_ms()), "{}", document.pause_ms());
    document.update("short", false);
    assert_eq!(document.pause_ms(), 80);
}

#[test]
fn a_growing_answer_is_read_as_the_whole_one() {
    let source = "# A\n\nintro\n\n- x\n\n  more\n\n- y\n\n**Bold** end\n\n1. one\n\n2. two\n\n```py\na\n\nb\n```\n\n\
                  > q\n\n| a |\n|--|\n| b |\n\nlast これは**「重要」**です C:\\_x\n\n2000 things\n\n* z\n";
    let mut document = Document::default();
    for (end, _) in source.char_indices() {
        document.update(&source[..end], false);
        let grown: Vec<_> = document.blocks().cloned().collect();
        assert_eq!(grown, blocks(&source[..end]), "{:?}", &source[..end]);
    }
    document.update("Another", false);
    assert_eq!(document.blocks().cloned().collect::<Vec<_>>(), [paragraph("Another")]);
    document.update("Another [x][y]\n\nz\n\n[y]: https://e.example", true);
    assert!(
        format!("{:?}", document.blocks().collect::<Vec<_>>()).contains("Link {"),
        "references count at the end"
    );
}

#[test]
fn plain_text_is_what_one_would_type() {
    let source = "# T\n\n**a** [b](https://e.example/c)<br>d\n\n1. x\n2. y\n   - z\n\n> q\n\n|a|b|\n|-|-|\n|1|2|\n\n```c\nint x;\n```";
    let expected = "T\n\na b (https://e.example/c)\nd\n\n1. x\n2. y\n   - z\n\n> q\n\na\tb\n1\t2\n\nint x;";
    assert_eq!(text_of(&blocks(source)), expected);
}
