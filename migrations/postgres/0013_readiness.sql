-- One row that the readiness check writes again and again.
CREATE TABLE readiness (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    checks BIGINT NOT NULL
);
INSERT INTO readiness (id, checks) VALUES (1, 0);
