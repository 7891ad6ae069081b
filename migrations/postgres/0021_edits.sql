-- Whether answers in this mode may propose edits of the selected text.
ALTER TABLE mode ADD COLUMN edits_allowed BIGINT NOT NULL DEFAULT 0;

-- The edits that an answer proposed, as a JSON array.
ALTER TABLE analysis ADD COLUMN edits TEXT NOT NULL DEFAULT '[]';
