-- What left each machine. Without an analysis: the policy refused it.
CREATE TABLE ledger_entry (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    certificate_id TEXT NOT NULL REFERENCES machine_certificate (id),
    analysis_id TEXT REFERENCES analysis (id) ON DELETE CASCADE,
    mode_id TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    image_sha256 TEXT NOT NULL,
    image_bytes BIGINT NOT NULL,
    image_width BIGINT NOT NULL,
    image_height BIGINT NOT NULL,
    program TEXT NOT NULL,
    title TEXT NOT NULL,
    caused_by TEXT NOT NULL,
    masks BIGINT NOT NULL,
    with_text BIGINT NOT NULL
);
CREATE INDEX ledger_entry_account ON ledger_entry (account_id, started_at);
CREATE INDEX ledger_entry_analysis ON ledger_entry (analysis_id);

INSERT INTO ledger_entry (id, account_id, certificate_id, analysis_id, mode_id, started_at, image_sha256, image_bytes,
    image_width, image_height, program, title, caused_by, masks, with_text)
SELECT id, account_id, certificate_id, id, mode_id, started_at, image_sha256, image_bytes, image_width, image_height,
    '', '', 'asked', 0, 0
FROM analysis WHERE image_bytes > 0;

-- How much each person has sent, without contents: per day (UTC, in days since the Unix epoch) and program. Stays when entries are
-- erased; the program does not.
CREATE TABLE picture_use (
    account_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    day BIGINT NOT NULL,
    program TEXT NOT NULL,
    pictures BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    PRIMARY KEY (account_id, day, program)
);
CREATE INDEX picture_use_day ON picture_use (day);

-- The same per day, for the daily budget.
CREATE TABLE picture_count (
    account_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    day BIGINT NOT NULL,
    pictures BIGINT NOT NULL,
    PRIMARY KEY (account_id, day)
);
