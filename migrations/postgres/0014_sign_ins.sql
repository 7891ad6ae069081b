-- The session that the sign-in opened, if this is another one: a renewal of the certificate opened it. They end together.
ALTER TABLE session ADD COLUMN sign_in_id TEXT REFERENCES session (id) ON DELETE CASCADE;
-- A renewal's session is one of the same machine, and expires when the one before does.
UPDATE session SET sign_in_id = NULLIF(
    (SELECT MIN(former.id) FROM session former
     JOIN machine_certificate former_certificate ON former_certificate.id = former.certificate_id
     JOIN machine_certificate own_certificate ON own_certificate.machine_id = former_certificate.machine_id
     WHERE own_certificate.id = session.certificate_id AND former.account_id = session.account_id
     AND former.expires_at = session.expires_at),
    id
);
CREATE INDEX session_sign_in ON session (sign_in_id) WHERE sign_in_id IS NOT NULL;

-- Sessions with a token are the panel's, from now on also those with a certificate: a panel that needs one binds them to it.
