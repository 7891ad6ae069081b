//! An answer as plain text, to be pasted where Markdown means nothing.

use super::{Block, Inline};

/// Blocks with an empty line between them, cells with tabs.
pub fn text_of(blocks: &[Block]) -> String {
    blocks.iter().map(block).collect::<Vec<_>>().join("\n\n")
}

/// The text of inline nodes without their formatting.
pub fn plain_text(inlines: &[Inline]) -> String {
    inlines
        .iter()
        .map(|inline| match inline {
            Inline::Break => "\n".to_owned(),
            Inline::Code(text) | Inline::Text(text) => text.clone(),
            Inline::Emphasis(inner) | Inline::Strike(inner) | Inline::Strong(inner) => plain_text(inner),
            Inline::Link { text, .. } | Inline::Picture { text, .. } => plain_text(text),
        })
        .collect()
}

fn block(block: &Block) -> String {
    match block {
        Block::Code { text, .. } => text.trim_end_matches('\n').to_owned(),
        Block::Heading { text, .. } | Block::Paragraph(text) => with_addresses(text),
        Block::List { start, items } => {
            let item = |(at, blocks): (u64, &Vec<Block>)| {
                let marker =
                    start.map_or_else(|| "- ".to_owned(), |first| format!("{}. ", first.saturating_add(at)));
                let text = blocks.iter().map(self::block).collect::<Vec<_>>().join("\n");
                format!("{marker}{}", text.replace('\n', &format!("\n{}", " ".repeat(marker.len()))))
            };
            (0..).zip(items).map(item).collect::<Vec<_>>().join("\n")
        }
        Block::Quote(inner) => format!("> {}", text_of(inner).replace('\n', "\n> ")),
        Block::Rule => "---".to_owned(),
        Block::Table { head, rows } => {
            let row = |cells: &Vec<Vec<Inline>>| {
                cells.iter().map(|cell| plain_text(cell).replace('\n', " ")).collect::<Vec<_>>().join("\t")
            };
            std::iter::once(head).chain(rows).map(row).collect::<Vec<_>>().join("\n")
        }
    }
}

/// The text, and after the words of a link where it leads.
fn with_addresses(inlines: &[Inline]) -> String {
    inlines
        .iter()
        .map(|inline| match inline {
            Inline::Link { link, text } => {
                let words = plain_text(text);
                if words == link.target { words } else { format!("{words} ({})", link.target) }
            }
            other => plain_text(std::slice::from_ref(other)),
        })
        .collect()
}
