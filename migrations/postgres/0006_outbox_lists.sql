-- Since when a mail waits: set anew when it is sent again.
ALTER TABLE mail ADD COLUMN queued_at BIGINT NOT NULL DEFAULT 0;
UPDATE mail SET queued_at = created_at;

-- The panel's lists of mails, of all and by their state.
CREATE INDEX mail_created ON mail (created_at, id);
CREATE INDEX mail_state ON mail (state, created_at, id);
