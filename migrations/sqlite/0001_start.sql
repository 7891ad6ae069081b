-- Instants are whole seconds since the Unix epoch. Ids are version 7 UUIDs as text. Truth values are 0 and 1.
-- Of tokens only SHA-256 hashes are stored. Columns that end in _sealed are encrypted with the data key.

CREATE TABLE account (
    id TEXT PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL CHECK (role IN ('administrator', 'user')),
    -- invited: no factors yet; disabled: may not sign in.
    state TEXT NOT NULL CHECK (state IN ('invited', 'active', 'disabled')),
    password_hash TEXT,
    totp_secret_sealed BLOB,
    -- The last time step that was accepted (RFC 6238): none is accepted twice.
    totp_last_step INTEGER,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE recovery_code (
    account_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    code_hash BLOB NOT NULL,
    used_at INTEGER,
    PRIMARY KEY (account_id, code_hash)
) STRICT;

CREATE TABLE setup_link (
    token_hash BLOB PRIMARY KEY,
    -- NULL: the link that makes the first administrator.
    account_id TEXT REFERENCES account (id) ON DELETE CASCADE,
    totp_secret_sealed BLOB NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER
) STRICT;

CREATE TABLE machine_certificate (
    id TEXT PRIMARY KEY,
    machine_id TEXT NOT NULL,
    account_id TEXT NOT NULL REFERENCES account (id),
    device_name TEXT NOT NULL,
    serial TEXT NOT NULL UNIQUE,
    fingerprint TEXT NOT NULL UNIQUE,
    certificate BLOB NOT NULL,
    not_before INTEGER NOT NULL,
    not_after INTEGER NOT NULL,
    issued_at INTEGER NOT NULL,
    revoked_at INTEGER,
    revocation_reason TEXT,
    last_seen_at INTEGER
) STRICT;
CREATE INDEX machine_certificate_account ON machine_certificate (account_id);
CREATE INDEX machine_certificate_revoked ON machine_certificate (revoked_at) WHERE revoked_at IS NOT NULL;

CREATE TABLE session (
    id TEXT PRIMARY KEY,
    -- NULL for native sessions: their token is a signed one.
    token_hash BLOB UNIQUE,
    account_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    -- NULL for the panel's sessions.
    certificate_id TEXT REFERENCES machine_certificate (id),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended_at INTEGER
) STRICT;
CREATE INDEX session_account ON session (account_id);

CREATE TABLE challenge (
    token_hash BLOB PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    -- The certificate that the first step came with; NULL for the panel.
    fingerprint TEXT,
    expires_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    used_at INTEGER
) STRICT;

CREATE TABLE access_request (
    id TEXT PRIMARY KEY,
    email TEXT NOT NULL,
    match_code TEXT NOT NULL,
    platform TEXT,
    device_name TEXT,
    message TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'rejected', 'redeemed')),
    status_hash BLOB NOT NULL UNIQUE,
    -- The cookie of the browser that asked.
    browser_hash BLOB,
    requested_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    decided_at INTEGER,
    decided_by TEXT,
    reason TEXT,
    -- The link of an approved request: its token, its end, and how often a wrong match code came with it.
    grant_hash BLOB UNIQUE,
    grant_expires_at INTEGER,
    grant_wrong_codes INTEGER NOT NULL DEFAULT 0,
    redeemed_at INTEGER,
    -- SHA-256 of the redeeming request's public key file, so that the same one gets the same certificate again.
    csr_hash BLOB,
    certificate_id TEXT REFERENCES machine_certificate (id)
) STRICT;
CREATE INDEX access_request_state ON access_request (state, requested_at);
CREATE INDEX access_request_email ON access_request (email, requested_at);

-- Certificates are PEM.
CREATE TABLE authority (
    id TEXT PRIMARY KEY,
    root_certificate TEXT NOT NULL,
    -- NULL: the root key is kept elsewhere.
    root_key_sealed BLOB,
    issuing_certificate TEXT NOT NULL,
    issuing_key_sealed BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    retired_at INTEGER
) STRICT;

CREATE TABLE mail (
    id TEXT PRIMARY KEY,
    recipient TEXT NOT NULL,
    subject TEXT NOT NULL,
    -- Holds links, so it is encrypted, and emptied when the mail has gone.
    body_sealed BLOB,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'sent', 'kept', 'dead')),
    attempts INTEGER NOT NULL DEFAULT 0,
    next_attempt_at INTEGER NOT NULL,
    last_error TEXT,
    created_at INTEGER NOT NULL,
    sent_at INTEGER
) STRICT;
CREATE INDEX mail_due ON mail (state, next_attempt_at);

CREATE TABLE audit_entry (
    sequence INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL,
    -- SHA-256 over the entry and the hash before it.
    hash BLOB NOT NULL
) STRICT;

CREATE TABLE mode (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    prompt TEXT NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    temperature REAL NOT NULL,
    enabled INTEGER NOT NULL,
    position INTEGER NOT NULL,
    version INTEGER NOT NULL
) STRICT;

CREATE TABLE analysis (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    certificate_id TEXT NOT NULL REFERENCES machine_certificate (id),
    mode_id TEXT NOT NULL,
    context TEXT NOT NULL,
    answer TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'finished', 'failed', 'cancelled')),
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    image_sha256 TEXT NOT NULL,
    image_width INTEGER NOT NULL,
    image_height INTEGER NOT NULL,
    image_bytes INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    ms INTEGER
) STRICT;
CREATE INDEX analysis_account ON analysis (account_id, started_at);

CREATE TABLE analysis_step (
    analysis_id TEXT NOT NULL REFERENCES analysis (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    node TEXT NOT NULL,
    state TEXT NOT NULL,
    ms INTEGER,
    note TEXT,
    PRIMARY KEY (analysis_id, position)
) STRICT;
