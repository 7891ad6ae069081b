-- One row that the readiness check writes again and again. What fills it makes the check need as much room as other changes do.
CREATE TABLE readiness (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    checks INTEGER NOT NULL,
    filling BLOB NOT NULL
) STRICT;
INSERT INTO readiness (id, checks, filling) VALUES (1, 0, x'');
