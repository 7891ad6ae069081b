//! Fields of a reply as servers really send them: null is absent, and text may come as a list of parts.

use serde_json::Value;

pub(super) fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

pub(super) fn number(value: &Value, name: &str) -> u64 {
    value.get(name).and_then(Value::as_u64).unwrap_or(0)
}

/// Text, or the text of the parts that are text.
pub(super) fn text(content: Option<&Value>) -> String {
    match content {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => parts.iter().filter_map(|part| part_text(part, is_text)).collect(),
        _ => String::new(),
    }
}

/// What a message has of the model's reasoning: in a field of its own, or as parts of the content.
pub(super) fn reasoning(message: &Value) -> String {
    let fields = ["reasoning_content", "reasoning", "thinking"];
    let in_field = fields.iter().map(|name| text(message.get(name))).find(|text| !text.is_empty());
    in_field.unwrap_or_else(|| {
        list(message, "content").iter().filter_map(|part| part_text(part, |kind| !is_text(kind))).collect()
    })
}

fn is_text(kind: &str) -> bool {
    matches!(kind, "text" | "output_text")
}

fn part_text(part: &Value, wanted: impl Fn(&str) -> bool) -> Option<String> {
    let kind = match part {
        Value::String(_) => "text",
        _ => part.get("type").and_then(Value::as_str).unwrap_or("text"),
    };
    if !wanted(kind) || !(is_text(kind) || matches!(kind, "thinking" | "reasoning")) {
        return None;
    }
    Some(match part {
        Value::String(text) => text.clone(),
        _ => ["text", "thinking", "reasoning"].iter().map(|name| text(part.get(name))).collect(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn text_is_joined_and_reasoning_kept_apart() {
        let parts = json!({"content": [
            {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
            {"type": "text", "text": "It is "}, "12", {"type": "image_url", "image_url": {}}, null, {"type": "text", "text": null},
        ]});
        assert_eq!((text(parts.get("content")), reasoning(&parts)), ("It is 12".into(), "hm".into()));
        let null = json!({"content": null, "reasoning": null, "thinking": "a"});
        assert_eq!((text(null.get("content")), reasoning(&null)), (String::new(), "a".into()));
        assert_eq!((list(&null, "content").len(), number(&null, "content")), (0, 0));
    }
}
