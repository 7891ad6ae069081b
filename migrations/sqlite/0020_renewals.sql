-- The certificate that this one took the place of. Each is renewed once at most.
ALTER TABLE machine_certificate ADD COLUMN renewed_from TEXT REFERENCES machine_certificate (id);
CREATE UNIQUE INDEX machine_certificate_renewed_from ON machine_certificate (renewed_from);
CREATE INDEX machine_certificate_machine ON machine_certificate (machine_id);
