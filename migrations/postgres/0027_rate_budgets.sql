-- Budgets of attempts that servers on one database share.
CREATE TABLE rate_budget (
    -- A keyed hash of what is counted.
    budget_hash BYTEA PRIMARY KEY,
    -- When all attempts are available again, in milliseconds since the Unix epoch.
    full_at_ms BIGINT NOT NULL
);
CREATE INDEX rate_budget_full ON rate_budget (full_at_ms);
