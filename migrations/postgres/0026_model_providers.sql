-- Model servers that administrators enter in the panel. Those of the configuration are not stored.
CREATE TABLE model_provider (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    -- In lower case: people do not tell names apart by case alone.
    name_key TEXT NOT NULL UNIQUE,
    -- ollama, openai.
    kind TEXT NOT NULL,
    base_url TEXT NOT NULL,
    -- Further servers with the same models, one address a line.
    more_urls TEXT NOT NULL,
    -- Encrypted with the data key; NULL: there is none.
    api_key_sealed BYTEA,
    model TEXT NOT NULL,
    vision BIGINT NOT NULL,
    -- NULL: the default.
    context_tokens BIGINT,
    -- NULL: the server decides.
    max_tokens BIGINT,
    version BIGINT NOT NULL,
    saved_at BIGINT NOT NULL
);
