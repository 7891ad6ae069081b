-- How often the requester has reminded the administrators, and when last.
ALTER TABLE access_request ADD COLUMN reminders BIGINT NOT NULL DEFAULT 0;
ALTER TABLE access_request ADD COLUMN reminded_at BIGINT;
