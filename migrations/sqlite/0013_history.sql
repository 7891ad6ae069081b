-- A request's history is read from the audit log.
CREATE INDEX audit_entry_subject ON audit_entry (subject, sequence);
