-- Ways for anybody to send files into one folder. No token is here, nor anything that leads to one: it is the id, sealed.
CREATE TABLE drop_link (
    id            BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16), -- UUIDv7: later ones sort later
    tenant        TEXT    NOT NULL,
    owner         TEXT    NOT NULL,
    bucket        TEXT    NOT NULL,
    path          TEXT    NOT NULL,
    name          TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    max_files     INTEGER, -- NULL: any number
    max_size      INTEGER, -- of each; NULL: what the bucket takes
    max_bytes     INTEGER, -- of all; NULL: any number
    content_types TEXT    NOT NULL, -- with commas between; '' is what the bucket takes
    revoked_at    INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX drop_by_owner ON drop_link (tenant, owner, id);

-- What was declared of each upload under a ticket: their sum may be limited, too.
ALTER TABLE ticket_upload ADD COLUMN size INTEGER NOT NULL DEFAULT 0;
