-- The last mail about the certificate's end: 0 none yet, 1 at two thirds of the life, 2 shortly before the end.
ALTER TABLE machine_certificate ADD COLUMN reminded BIGINT NOT NULL DEFAULT 0;

-- Requests that nobody made: behind their link is a new package for a machine whose certificate ends.
CREATE TABLE renewal_link (
    request_id TEXT PRIMARY KEY REFERENCES access_request (id) ON DELETE CASCADE,
    certificate_id TEXT NOT NULL UNIQUE REFERENCES machine_certificate (id)
);
