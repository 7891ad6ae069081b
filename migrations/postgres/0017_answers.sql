-- Why an answer stops before its natural end, and the model server that failed.
ALTER TABLE analysis ADD COLUMN cut TEXT;
ALTER TABLE analysis ADD COLUMN failed_provider TEXT;
ALTER TABLE analysis ADD COLUMN failure TEXT;

-- When each model server last answered, and when and why it last did not.
CREATE TABLE provider_health (
    provider TEXT PRIMARY KEY,
    answered_at BIGINT,
    failed_at BIGINT,
    failure TEXT NOT NULL DEFAULT ''
);
