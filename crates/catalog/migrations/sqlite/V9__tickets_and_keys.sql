-- Which uploads were created under a ticket: how many there are counts against it, and its holder sees these alone. Written
-- in the transaction of the upload itself. A ticket is SHA-256 of what names it.
CREATE TABLE ticket_upload (
    ticket     BLOB    NOT NULL CHECK (length(ticket) = 32),
    upload_id  BLOB    NOT NULL CHECK (length(upload_id) = 16),
    expires_at INTEGER NOT NULL, -- of the ticket: nobody asks afterwards
    PRIMARY KEY (ticket, upload_id)
) STRICT, WITHOUT ROWID;

-- Tickets are forgotten by age.
CREATE INDEX ticket_upload_by_end ON ticket_upload (expires_at);

-- How backends without an identity provider sign in. No secret is here: a hash of 256 random bits leads nowhere.
CREATE TABLE api_key (
    id           TEXT    NOT NULL PRIMARY KEY,
    name         TEXT    NOT NULL,
    subject      TEXT    NOT NULL,
    scopes       TEXT    NOT NULL, -- with commas between
    hash         BLOB    NOT NULL CHECK (length(hash) = 32), -- SHA-256 of the secret
    old_hash     BLOB    CHECK (length(old_hash) = 32), -- of the one before, which holds until the next column
    old_until    INTEGER,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER, -- NULL: never
    last_used_at INTEGER  -- to the hour
) STRICT, WITHOUT ROWID;
