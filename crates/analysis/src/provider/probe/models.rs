//! Models as the servers describe them. What a server sends is bounded, and none of it is relied upon.

use serde_json::Value;

use super::super::fields::list;
use super::{ModelInfo, ModelState};

/// How many models of one server are listed.
const MAX_MODELS: usize = 500;
/// In characters.
const MAX_NAME: usize = 200;

fn name_of(value: &Value, field: &str) -> Option<String> {
    let name: String = crate::text::visible(value.get(field)?.as_str()?).chars().take(MAX_NAME).collect();
    (!name.trim().is_empty()).then_some(name)
}

fn named(entries: &[Value], field: &str, more: impl Fn(&Value, ModelInfo) -> ModelInfo) -> Vec<ModelInfo> {
    let info = |entry: &Value| {
        let name = name_of(entry, field)?;
        Some(more(entry, ModelInfo { name, ..ModelInfo::default() }))
    };
    let mut found: Vec<_> = entries.iter().filter_map(info).take(MAX_MODELS).collect();
    found.sort_by(|one, other| one.name.cmp(&other.name));
    found.dedup_by(|one, other| one.name == other.name);
    found
}

/// `GET /api/tags`.
pub(super) fn of_ollama_tags(tags: &Value) -> Vec<ModelInfo> {
    named(list(tags, "models"), "name", |entry, info| ModelInfo {
        bytes: entry.get("size").and_then(Value::as_u64),
        state: ModelState::Unloaded,
        ..info
    })
}

/// `GET /api/ps`.
pub(super) fn mark_loaded(models: &mut [ModelInfo], loaded: &Value) {
    let names: Vec<_> = list(loaded, "models").iter().filter_map(|entry| name_of(entry, "name")).collect();
    for model in models.iter_mut().filter(|model| names.contains(&model.name)) {
        model.state = ModelState::Loaded;
    }
}

/// `POST /api/show`.
pub(super) fn add_ollama_details(model: &mut ModelInfo, details: &Value) {
    if details.get("capabilities").is_some_and(Value::is_array) {
        let has = |name: &str| list(details, "capabilities").iter().any(|capability| capability == name);
        model.vision = Some(has("vision"));
        model.tools = Some(has("tools"));
        model.reasoning = Some(has("thinking"));
    }
    let info = details.get("model_info").and_then(Value::as_object);
    let context = info.into_iter().flatten().find(|(key, _)| key.ends_with(".context_length"));
    model.context_tokens = context.and_then(|(_, value)| value.as_u64());
}

/// `GET /v1/models`, with what vLLM, llama.cpp and hubs add to it.
pub(super) fn of_openai_list(listed: &Value) -> Vec<ModelInfo> {
    named(list(listed, "data"), "id", |entry, info| {
        let number = |path: &[&str]| path.iter().try_fold(entry, |value, name| value.get(name))?.as_u64();
        let context = number(&["max_model_len"])
            .or_else(|| number(&["context_length"]))
            .or_else(|| number(&["meta", "n_ctx"]))
            .or_else(|| number(&["meta", "n_ctx_train"]));
        let inputs = entry.get("architecture").map(|architecture| list(architecture, "input_modalities"));
        let parameters = entry.get("supported_parameters").is_some_and(Value::is_array);
        let supports = |name: &str| list(entry, "supported_parameters").iter().any(|given| given == name);
        ModelInfo {
            vision: inputs.map(|inputs| inputs.iter().any(|input| input == "image")),
            tools: parameters.then(|| supports("tools")),
            reasoning: parameters.then(|| supports("reasoning")),
            context_tokens: context,
            bytes: number(&["meta", "size"]),
            state: match entry.get("status").and_then(|status| status.get("value")).and_then(Value::as_str) {
                Some("loaded") => ModelState::Loaded,
                Some("loading") => ModelState::Loading,
                Some("unloaded") => ModelState::Unloaded,
                _ => ModelState::Available,
            },
            ..info
        }
    })
}

/// `GET /props` of llama.cpp: of the one model that it serves.
pub(super) fn add_llama_props(models: &mut [ModelInfo], props: &Value) {
    let [model] = models else { return };
    let text = |name: &str| props.get(name).and_then(Value::as_str);
    let Some(settings) = props.get("default_generation_settings") else { return };
    if let Some(context) = settings.get("n_ctx").and_then(Value::as_u64) {
        model.context_tokens = Some(context);
    }
    let modalities = props.get("modalities");
    model.vision = modalities.and_then(|modalities| modalities.get("vision")?.as_bool()).or(model.vision);
    if let Some(template) = text("chat_template") {
        let caps = props.get("chat_template_caps");
        let told = |name: &str| caps.and_then(|caps| caps.get(name)?.as_bool());
        model.tools = Some(told("supports_tools").unwrap_or_else(|| template.contains("tools")));
        let thinks = template.contains("<think") || template.contains("enable_thinking");
        model.reasoning = Some(thinks || told("supports_reasoning_effort") == Some(true));
    }
    model.state = ModelState::Loaded;
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ollamas_models_have_capabilities_context_and_state() {
        let tags =
            json!({"models": [{"name": "qwen3-vl:8b", "size": 6_000}, {"name": "b"}, {"size": 1}, null]});
        let mut models = of_ollama_tags(&tags);
        assert_eq!(models.iter().map(|model| model.name.as_str()).collect::<Vec<_>>(), ["b", "qwen3-vl:8b"]);
        mark_loaded(&mut models, &json!({"models": [{"name": "qwen3-vl:8b"}]}));
        let details = json!({"capabilities": ["completion", "vision", "thinking"],
            "model_info": {"general.architecture": "qwen3", "qwen3.context_length": 40_960}});
        add_ollama_details(&mut models[1], &details);
        let expected = ModelInfo {
            name: "qwen3-vl:8b".into(),
            vision: Some(true),
            tools: Some(false),
            reasoning: Some(true),
            context_tokens: Some(40_960),
            bytes: Some(6_000),
            state: ModelState::Loaded,
        };
        assert_eq!((&models[1], models[0].state, models[0].vision), (&expected, ModelState::Unloaded, None));
    }

    #[test]
    fn the_others_say_more_or_less() {
        let vllm = json!({"data": [{"id": "m", "max_model_len": 32_768}]});
        assert_eq!(of_openai_list(&vllm)[0].context_tokens, Some(32_768));
        let hub = json!({"data": [{"id": "m", "context_length": 8, "supported_parameters": ["tools"],
            "architecture": {"input_modalities": ["text", "image"]}, "status": {"value": "loading"}}]});
        let model = &of_openai_list(&hub)[0];
        assert_eq!((model.vision, model.tools, model.reasoning), (Some(true), Some(true), Some(false)));
        assert_eq!(model.state, ModelState::Loading);
        let mut llama =
            of_openai_list(&json!({"data": [{"id": "m.gguf", "meta": {"n_ctx_train": 8_192, "size": 7}}]}));
        let props = json!({"default_generation_settings": {"n_ctx": 4_096}, "modalities": {"vision": false},
            "chat_template": "{% if tools %}"});
        add_llama_props(&mut llama, &props);
        let model = &llama[0];
        assert_eq!((model.context_tokens, model.vision, model.tools), (Some(4_096), Some(false), Some(true)));
        // As a newer llama.cpp says it.
        let props = json!({"default_generation_settings": {"n_ctx": 512}, "modalities": {"vision": true},
            "chat_template": "{% if tools %}<think>", "chat_template_caps": {"supports_tools": false}});
        add_llama_props(&mut llama, &props);
        let model = &llama[0];
        assert_eq!((model.vision, model.tools, model.reasoning), (Some(true), Some(false), Some(true)));
        for odd in [json!(null), json!([]), json!({"data": {}}), json!({"data": [[], {"id": 1}]})] {
            assert!(of_openai_list(&odd).is_empty() && of_ollama_tags(&odd).is_empty());
        }
    }
}
