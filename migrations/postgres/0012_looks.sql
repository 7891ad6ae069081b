-- How the addresses of accounts and requests look, so that those that look alike are found. The server fills it, and
-- fills it anew when its rules for what looks alike change.
CREATE TABLE address_look (
    email TEXT PRIMARY KEY,
    domain TEXT NOT NULL,
    look TEXT NOT NULL,
    domain_look TEXT NOT NULL,
    rules TEXT NOT NULL
);
CREATE INDEX address_look_look ON address_look (look);
CREATE INDEX address_look_domain ON address_look (domain_look, domain);
