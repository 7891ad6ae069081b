-- An authority is in use; then superseded: it issues nothing more, and its certificates count on; then retired: nobody
-- trusts it any more.
ALTER TABLE authority RENAME COLUMN retired_at TO superseded_at;
ALTER TABLE authority ADD COLUMN retired_at BIGINT;
CREATE UNIQUE INDEX authority_in_use ON authority ((COALESCE(superseded_at, 0))) WHERE superseded_at IS NULL;

-- Who issued a certificate. There was one authority until now.
ALTER TABLE machine_certificate ADD COLUMN authority_id TEXT REFERENCES authority (id);
UPDATE machine_certificate SET authority_id = (SELECT id FROM authority WHERE superseded_at IS NULL);
CREATE INDEX machine_certificate_authority ON machine_certificate (authority_id);
