-- Groups of people.
CREATE TABLE people_group (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    -- The name in small letters: names that differ in nothing else count as one.
    name_key TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL
);

CREATE TABLE people_group_member (
    group_id TEXT NOT NULL REFERENCES people_group (id) ON DELETE CASCADE,
    account_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    PRIMARY KEY (group_id, account_id)
);
CREATE INDEX people_group_member_account ON people_group_member (account_id);

-- The groups that a mode is limited to; none: everybody may choose it. So a group that a mode names cannot be deleted.
CREATE TABLE mode_group (
    mode_id TEXT NOT NULL REFERENCES mode (id) ON DELETE CASCADE,
    group_id TEXT NOT NULL REFERENCES people_group (id),
    PRIMARY KEY (mode_id, group_id)
);
CREATE INDEX mode_group_group ON mode_group (group_id);

-- The fleet policy: one for everyone, and at most one per group.
CREATE TABLE fleet_policy (
    -- The group's id, or `everyone`.
    id TEXT PRIMARY KEY,
    group_id TEXT REFERENCES people_group (id) ON DELETE CASCADE,
    -- JSON.
    rules TEXT NOT NULL,
    version BIGINT NOT NULL,
    changed_at BIGINT NOT NULL
);
CREATE INDEX fleet_policy_group ON fleet_policy (group_id);
