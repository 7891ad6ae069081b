-- How many links a request has been given, and how often its holder has asked for another since the last, and when.
ALTER TABLE access_request ADD COLUMN links BIGINT NOT NULL DEFAULT 0;
ALTER TABLE access_request ADD COLUMN link_asks BIGINT NOT NULL DEFAULT 0;
ALTER TABLE access_request ADD COLUMN link_asked_at BIGINT;
UPDATE access_request SET links = 1 WHERE grant_hash IS NOT NULL;

-- Links that a newer one has replaced: they open nothing, and say so.
CREATE TABLE former_link (
    grant_hash BYTEA PRIMARY KEY,
    access_request_id TEXT NOT NULL REFERENCES access_request (id) ON DELETE CASCADE
);
