-- Who is told what happens, and how far along the outbox each has got.
CREATE TABLE webhook_endpoint (
    id               TEXT    NOT NULL PRIMARY KEY,
    url              TEXT    NOT NULL,
    kinds            TEXT    NOT NULL, -- with commas between; '' is all that nobody has to ask for
    buckets          TEXT    NOT NULL, -- likewise; '' is all
    origin           TEXT    NOT NULL, -- who made it: config or api
    disabled         TEXT,             -- why; NULL: it is not
    generation       INTEGER NOT NULL, -- of its secret; the secret itself is nowhere
    old_secret_until INTEGER,          -- until then the generation before counts, too
    cursor           INTEGER NOT NULL, -- the last position of the outbox that was handed on
    created_at       INTEGER NOT NULL,
    version          INTEGER NOT NULL  -- how often it was changed
) STRICT, WITHOUT ROWID;

-- What each is to be told: made in the transaction that moves its cursor. The event is here as well, so that the outbox
-- may be forgotten.
CREATE TABLE webhook_delivery (
    endpoint_id TEXT    NOT NULL,
    position    INTEGER NOT NULL,
    upload_id   BLOB    NOT NULL CHECK (length(upload_id) = 16),
    seq         INTEGER NOT NULL,
    kind        TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    owner       TEXT,             -- this and the next: as in the outbox
    bucket      TEXT,
    state       TEXT    NOT NULL, -- waiting, done or dead
    attempts    INTEGER NOT NULL, -- those that came to an end
    due_at      INTEGER,          -- NULL: over, or behind an earlier one of the same file
    lease_until INTEGER,          -- somebody is at it
    fence       INTEGER NOT NULL, -- how often somebody took it up
    tried_at    INTEGER,          -- this and the next two: the last attempt
    status      INTEGER,
    problem     TEXT,
    PRIMARY KEY (endpoint_id, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX webhook_delivery_by_due ON webhook_delivery (endpoint_id, due_at, position)
    WHERE state = 'waiting' AND due_at IS NOT NULL;
CREATE INDEX webhook_delivery_by_file ON webhook_delivery (endpoint_id, upload_id, position) WHERE state = 'waiting';
CREATE INDEX webhook_delivery_by_state ON webhook_delivery (endpoint_id, state, position) WHERE state <> 'done';
CREATE INDEX webhook_delivery_by_end ON webhook_delivery (state, tried_at) WHERE state <> 'waiting';
CREATE INDEX webhook_delivery_by_lease ON webhook_delivery (endpoint_id, position) WHERE lease_until IS NOT NULL;
