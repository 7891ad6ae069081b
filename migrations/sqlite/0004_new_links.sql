-- How many links a request has been given, and how often its holder has asked for another since the last, and when.
ALTER TABLE access_request ADD COLUMN links INTEGER NOT NULL DEFAULT 0;
ALTER TABLE access_request ADD COLUMN link_asks INTEGER NOT NULL DEFAULT 0;
ALTER TABLE access_request ADD COLUMN link_asked_at INTEGER;
UPDATE access_request SET links = 1 WHERE grant_hash IS NOT NULL;

-- Links that a newer one has replaced: they open nothing, and say so.
CREATE TABLE former_link (
    grant_hash BLOB PRIMARY KEY,
    access_request_id TEXT NOT NULL REFERENCES access_request (id) ON DELETE CASCADE
) STRICT;
