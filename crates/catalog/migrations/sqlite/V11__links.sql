-- Ways to one file for whoever has them. No token is here: a hash of 160 random bits leads nowhere. Whose a link is are
-- the columns of its file.
CREATE TABLE link (
    id            BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16), -- UUIDv7: later links sort later
    hash          BLOB    NOT NULL UNIQUE CHECK (length(hash) = 32), -- SHA-256 of the token
    file_id       BLOB    NOT NULL CHECK (length(file_id) = 16),
    tenant        TEXT    NOT NULL,
    owner         TEXT    NOT NULL,
    made_by       TEXT    NOT NULL,
    name          TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    max_downloads INTEGER, -- NULL: any number
    downloads     INTEGER NOT NULL DEFAULT 0,
    networks      TEXT    NOT NULL, -- with commas between; '' is any
    password      TEXT,    -- Argon2id, as a PHC string
    landing       INTEGER NOT NULL,
    revoked_at    INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX link_by_file ON link (file_id, id);
CREATE INDEX link_by_owner ON link (tenant, owner, id);

-- Each use of a link, in the transaction that counts it. `number` is how many there were then.
CREATE TABLE link_use (
    link_id BLOB    NOT NULL CHECK (length(link_id) = 16),
    number  INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    address TEXT, -- as much of it as is to be known
    agent   TEXT,
    PRIMARY KEY (link_id, number)
) STRICT, WITHOUT ROWID;

-- Uses are forgotten by age.
CREATE INDEX link_use_by_time ON link_use (at);
