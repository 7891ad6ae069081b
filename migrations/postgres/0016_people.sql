-- When an administrator last ended all that an account had open: servers that share the database close its connections.
ALTER TABLE account ADD COLUMN closed_at BIGINT;
CREATE INDEX account_closed ON account (closed_at) WHERE closed_at IS NOT NULL;
-- When its person last signed in, in the panel or on a machine.
ALTER TABLE account ADD COLUMN last_sign_in_at BIGINT;
-- Wrong codes after a right password, since its person last signed in.
ALTER TABLE account ADD COLUMN wrong_codes BIGINT NOT NULL DEFAULT 0;

-- The networks from which an account's person has signed in. The hash is keyed, over address and network.
CREATE TABLE known_network (
    network_hash BYTEA PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    expires_at BIGINT NOT NULL
);
CREATE INDEX known_network_expiry ON known_network (expires_at);

-- Recovery codes that were shown and not yet acknowledged, for the browser that set the account up.
CREATE TABLE shown_recovery_codes (
    browser_hash BYTEA PRIMARY KEY,
    setup_hash BYTEA NOT NULL,
    account_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    codes_sealed BYTEA NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX shown_recovery_codes_expiry ON shown_recovery_codes (expires_at);
