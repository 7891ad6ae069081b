-- Why a certificate was revoked, as a reason of RFC 5280, beside what the administrator wrote about it.
ALTER TABLE machine_certificate ADD COLUMN revocation_code TEXT NOT NULL DEFAULT 'unspecified';
