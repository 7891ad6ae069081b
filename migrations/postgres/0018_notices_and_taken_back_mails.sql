-- 1: a notice to an administrator, who sees the same in the panel, so nobody has to send it.
ALTER TABLE mail ADD COLUMN notice BIGINT NOT NULL DEFAULT 0;

-- The mails that an administrator has sent, whose bodies are kept for a while.
CREATE INDEX mail_delivered_body ON mail (sent_at) WHERE state = 'sent' AND body_sealed IS NOT NULL;

-- The panel's search for a match code that is in no list.
CREATE INDEX unheard_request_code ON unheard_request (match_code);
