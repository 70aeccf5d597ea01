-- What happened to each upload, edge by edge. Written with the edge, never changed. The creation is not here: the
-- row of the upload says it.
CREATE TABLE audit (
    upload_id  BLOB    NOT NULL CHECK (length(upload_id) = 16),
    seq        INTEGER NOT NULL, -- the epoch it led to
    from_state TEXT    NOT NULL,
    to_state   TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    by_subject TEXT,             -- NULL: the service itself
    PRIMARY KEY (upload_id, seq)
) STRICT, WITHOUT ROWID;

-- What others are to be told, in the order it happened. Positions are never given twice.
CREATE TABLE outbox (
    position  INTEGER PRIMARY KEY AUTOINCREMENT,
    upload_id BLOB    NOT NULL CHECK (length(upload_id) = 16),
    seq       INTEGER NOT NULL, -- the epoch it led to
    kind      TEXT    NOT NULL,
    at        INTEGER NOT NULL
) STRICT;

-- What uploads and files take: of each owner in each bucket, and, under the owner '', of everybody in it.
CREATE TABLE usage (
    owner          TEXT    NOT NULL,
    bucket         TEXT    NOT NULL,
    open_uploads   INTEGER NOT NULL CHECK (open_uploads >= 0),
    reserved_bytes INTEGER NOT NULL CHECK (reserved_bytes >= 0),
    files          INTEGER NOT NULL CHECK (files >= 0),
    stored_bytes   INTEGER NOT NULL CHECK (stored_bytes >= 0),
    PRIMARY KEY (owner, bucket)
) STRICT, WITHOUT ROWID;

INSERT INTO usage
SELECT owner, bucket,
    sum(state IN ('pending', 'verifying')), sum(iif(state IN ('pending', 'verifying'), size, 0)),
    sum(state IN ('available', 'deleting')), sum(iif(state IN ('available', 'deleting'), size, 0))
FROM upload GROUP BY owner, bucket;

INSERT INTO usage
SELECT '', bucket, sum(open_uploads), sum(reserved_bytes), sum(files), sum(stored_bytes)
FROM usage GROUP BY bucket;

-- More than quarantine may be left.
ALTER TABLE upload RENAME COLUMN quarantined TO leftovers;

-- Records without a file are forgotten by age.
ALTER TABLE upload ADD COLUMN settled_at INTEGER;
UPDATE upload SET settled_at = max(created_at, urls_end_at)
    WHERE state IN ('failed', 'expired', 'aborted', 'deleted');
CREATE INDEX upload_by_settling ON upload (settled_at) WHERE settled_at IS NOT NULL AND leftovers = 0;
