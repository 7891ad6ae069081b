-- What administrators have still to be told of a request; NULL: nothing.
ALTER TABLE access_request ADD COLUMN notice TEXT CHECK (notice IN ('link', 'new', 'reminder'));
CREATE INDEX access_request_notice ON access_request (notice, requested_at, id);

-- Whether the requester was told that nobody decided in time. Those of before are not written to any more.
ALTER TABLE access_request ADD COLUMN expiry_told INTEGER NOT NULL DEFAULT 0;
UPDATE access_request SET expiry_told = 1 WHERE state = 'pending' AND expires_at <= unixepoch();
CREATE INDEX access_request_expiry ON access_request (state, expiry_told, expires_at);

-- When administrators were last told of each topic, so that notices are gathered.
CREATE TABLE notice (
    topic TEXT PRIMARY KEY,
    last_at INTEGER NOT NULL
) STRICT;

-- How often the requester has reminded the administrators, and when last.
ALTER TABLE access_request ADD COLUMN reminders INTEGER NOT NULL DEFAULT 0;
ALTER TABLE access_request ADD COLUMN reminded_at INTEGER;
