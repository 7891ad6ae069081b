-- Questions that follow one another. An analysis of an earlier version gets a conversation of its own, with the analysis's id, by
-- the server: at its start, and hourly for those of an earlier version on the same database.
CREATE TABLE conversation (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    -- Made from the first question, or given by its person.
    title TEXT NOT NULL,
    -- The title as searches compare it.
    search_text TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    -- When the last question was asked.
    asked_at INTEGER NOT NULL
) STRICT;
CREATE INDEX conversation_account ON conversation (account_id, asked_at);

ALTER TABLE analysis ADD COLUMN conversation_id TEXT REFERENCES conversation (id) ON DELETE CASCADE;
CREATE INDEX analysis_conversation ON analysis (conversation_id, started_at);
CREATE INDEX analysis_without_conversation ON analysis (id) WHERE conversation_id IS NULL;
