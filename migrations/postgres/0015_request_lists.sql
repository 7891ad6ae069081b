-- What a search looks through, in lower case; the server fills it, since databases differ in what lower case is.
ALTER TABLE access_request ADD COLUMN search_text TEXT NOT NULL DEFAULT '';

-- Every list of the panel is read along an index, however many requests there are.
DROP INDEX access_request_state;
CREATE INDEX access_request_state ON access_request (state, requested_at, id);
CREATE INDEX access_request_requested ON access_request (requested_at, id);
CREATE INDEX access_request_pending ON access_request (expires_at) WHERE state = 'pending';
CREATE INDEX access_request_approved ON access_request (grant_expires_at) WHERE state = 'approved';
CREATE INDEX access_request_link_asked ON access_request (link_asked_at) WHERE link_asked_at IS NOT NULL;
