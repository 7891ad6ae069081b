-- The cookie of the last browser, or desktop program, that knew the match code. The one that asked keeps its own.
ALTER TABLE access_request ADD COLUMN proven_browser_hash BLOB;
