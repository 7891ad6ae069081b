-- Runs of workflows as the panel lists them, with what a server needs to go on with another's. An entry has the id of its analysis;
-- a replay has no analysis.
CREATE TABLE analysis_run (
    id TEXT PRIMARY KEY,
    analysis_id TEXT REFERENCES analysis (id) ON DELETE CASCADE,
    account_id TEXT NOT NULL,
    mode_id TEXT NOT NULL,
    -- Empty: the built-in workflow, whose runs have no checkpoints.
    workflow_id TEXT NOT NULL,
    workflow_version BIGINT NOT NULL,
    -- The run and the checkpoint that a replay goes on from.
    origin_id TEXT,
    origin_sequence BIGINT,
    state TEXT NOT NULL,
    -- Whether it goes on when its client is gone.
    detached BOOLEAN NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at BIGINT,
    ms BIGINT,
    tokens BIGINT NOT NULL DEFAULT 0,
    -- The ends of the steps, as a JSON array.
    steps TEXT NOT NULL DEFAULT '[]',
    input_sealed BLOB,
    questions_sealed BLOB,
    waits_until BIGINT,
    attempt BIGINT NOT NULL,
    server_id TEXT NOT NULL,
    leased_until BIGINT NOT NULL
);
CREATE INDEX analysis_run_workflow ON analysis_run (workflow_id, started_at);
CREATE INDEX analysis_run_state ON analysis_run (state, leased_until);
CREATE INDEX analysis_run_ended ON analysis_run (ended_at);
CREATE INDEX analysis_run_analysis ON analysis_run (analysis_id);
CREATE INDEX workflow_run_updated ON workflow_run (updated_at);

-- The checkpoints go with the entry, however it goes.
CREATE TRIGGER analysis_run_deleted AFTER DELETE ON analysis_run
BEGIN
    DELETE FROM workflow_write WHERE run_id = OLD.id OR (run_id > OLD.id || '/' AND run_id < OLD.id || '0');
    DELETE FROM workflow_checkpoint WHERE run_id = OLD.id OR (run_id > OLD.id || '/' AND run_id < OLD.id || '0');
    DELETE FROM workflow_run WHERE id = OLD.id OR (id > OLD.id || '/' AND id < OLD.id || '0');
END;
