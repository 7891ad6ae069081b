-- The newest entry of the audit log, under the log's key: entries that are removed from its end are missed.
CREATE TABLE audit_head (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    sequence BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    -- HMAC over both.
    mac BYTEA NOT NULL
);

-- The newest revocation list of each authority. Its number only grows, whatever the clock says.
CREATE TABLE revocation_list (
    authority_id TEXT PRIMARY KEY REFERENCES authority (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    -- SHA-256 over the entries.
    entries_hash BYTEA NOT NULL,
    signed_at BIGINT NOT NULL,
    -- DER.
    list BYTEA NOT NULL
);

-- What searches match, folded by the server: databases differ in what lower case is. '' until the server has filled it in.
ALTER TABLE analysis ADD COLUMN search_text TEXT NOT NULL DEFAULT '';
CREATE INDEX analysis_without_search_text ON analysis (id) WHERE search_text = '';
ALTER TABLE machine_certificate ADD COLUMN search_text TEXT NOT NULL DEFAULT '';
CREATE INDEX machine_certificate_without_search_text ON machine_certificate (id) WHERE search_text = '';
-- From now on also without accents.
UPDATE access_request SET search_text = '';
