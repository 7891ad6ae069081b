-- Runs of workflows: their checkpoints, and what the tasks after a checkpoint have to remember.
CREATE TABLE workflow_run (
    id TEXT PRIMARY KEY,
    status TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX workflow_run_status ON workflow_run (status);

CREATE TABLE workflow_checkpoint (
    run_id TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    graph TEXT NOT NULL,
    -- The whole state, or the updates since the checkpoint before.
    snapshot BOOLEAN NOT NULL,
    body BLOB NOT NULL,
    position BLOB NOT NULL,
    PRIMARY KEY (run_id, sequence)
) WITHOUT ROWID;

CREATE TABLE workflow_write (
    run_id TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    task BIGINT NOT NULL,
    name TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (run_id, sequence, task, name)
) WITHOUT ROWID;
