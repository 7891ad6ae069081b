-- What the status page shows of requests beyond access.max_pending_per_address; nobody else sees them.
CREATE TABLE unheard_request (
    status_hash BYTEA PRIMARY KEY,
    browser_hash BYTEA NOT NULL,
    match_code TEXT NOT NULL,
    requested_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    reminders BIGINT NOT NULL DEFAULT 0,
    reminded_at BIGINT
);
CREATE INDEX unheard_request_expiry ON unheard_request (expires_at);

-- What is over is removed, by its end.
CREATE INDEX session_expiry ON session (expires_at);
CREATE INDEX challenge_expiry ON challenge (expires_at);

-- That a link ended unused is told too. Those of before are not written to any more.
UPDATE access_request SET expiry_told = 1 WHERE state = 'approved' AND grant_expires_at <= EXTRACT(EPOCH FROM NOW());
