-- Budgets of attempts that servers on one database share. SQLite has one server, which counts in memory: its table stays empty.
CREATE TABLE rate_budget (
    -- A keyed hash of what is counted.
    budget_hash BLOB PRIMARY KEY,
    -- When all attempts are available again, in milliseconds since the Unix epoch.
    full_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX rate_budget_full ON rate_budget (full_at_ms);
