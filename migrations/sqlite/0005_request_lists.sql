-- How the addresses of accounts and requests look, so that those that look alike are found. The server fills it, and
-- fills it anew when its rules for what looks alike change.
CREATE TABLE address_look (
    email TEXT PRIMARY KEY,
    domain TEXT NOT NULL,
    look TEXT NOT NULL,
    domain_look TEXT NOT NULL,
    rules TEXT NOT NULL
) STRICT;
CREATE INDEX address_look_look ON address_look (look);
CREATE INDEX address_look_domain ON address_look (domain_look, domain);

-- A request's history is read from the audit log.
CREATE INDEX audit_entry_subject ON audit_entry (subject, sequence);

-- What a search looks through, in lower case; the server fills it, since databases differ in what lower case is.
ALTER TABLE access_request ADD COLUMN search_text TEXT NOT NULL DEFAULT '';

-- Every list of the panel is read along an index, however many requests there are.
DROP INDEX access_request_state;
CREATE INDEX access_request_state ON access_request (state, requested_at, id);
CREATE INDEX access_request_requested ON access_request (requested_at, id);
CREATE INDEX access_request_standing ON access_request (state, expires_at, link_asked_at);
CREATE INDEX access_request_link_asked ON access_request (link_asked_at) WHERE link_asked_at IS NOT NULL;
