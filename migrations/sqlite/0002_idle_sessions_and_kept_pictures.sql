-- Of the panel's sessions: when each was used last, noted once a minute at most. NULL: not since it was opened.
ALTER TABLE session ADD COLUMN last_used_at INTEGER;

-- Pictures that the operator wants to be kept, in a table of their own: lists of analyses never read them.
CREATE TABLE kept_picture (
    analysis_id TEXT PRIMARY KEY REFERENCES analysis (id) ON DELETE CASCADE,
    picture_sealed BLOB NOT NULL
) STRICT;
