-- Workflows that administrators make. Each version stays: stored runs go on in the one that they began with.
CREATE TABLE workflow (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    -- The newest version.
    version BIGINT NOT NULL
);

CREATE TABLE workflow_version (
    workflow_id TEXT NOT NULL REFERENCES workflow (id) ON DELETE CASCADE,
    version BIGINT NOT NULL,
    document TEXT NOT NULL,
    saved_at BIGINT NOT NULL,
    PRIMARY KEY (workflow_id, version)
);

-- Empty: the built-in workflow.
ALTER TABLE mode ADD COLUMN workflow_id TEXT NOT NULL DEFAULT '';
