-- An upload and the file it becomes are one row under one id. Instants are milliseconds since 1970.
-- Without a rowid: the row lies in the tree of its id, so an insert writes one tree and one index.
CREATE TABLE upload (
    id              BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    bucket          TEXT    NOT NULL,
    key             TEXT    NOT NULL,
    owner           TEXT    NOT NULL,
    filename        TEXT    NOT NULL,
    path            TEXT    NOT NULL,
    content_type    TEXT    NOT NULL,
    size            INTEGER NOT NULL,
    checksum        TEXT,             -- algorithm:base64
    metadata        TEXT    NOT NULL, -- JSON
    part_size       INTEGER,          -- NULL: a single PUT
    multipart_id    TEXT,             -- storage's name for a multipart upload
    created_at      INTEGER NOT NULL,
    session_ends_at INTEGER NOT NULL,
    urls_end_at     INTEGER NOT NULL,
    retain_for      INTEGER,          -- seconds
    state           TEXT    NOT NULL,
    epoch           INTEGER NOT NULL,
    lease_until     INTEGER,
    source_etag     TEXT,
    problem         TEXT,             -- JSON
    etag            TEXT,             -- this and the next three: what was found when it became available
    integrity       TEXT,
    detected_type   TEXT,
    expires_at      INTEGER,
    download_count  INTEGER NOT NULL,
    quarantined     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What is listed.
CREATE INDEX upload_by_owner ON upload (owner, id) WHERE state = 'available';
CREATE INDEX upload_by_bucket ON upload (bucket, id) WHERE state = 'available';

-- What falls due. Only the first of these is written by an insert.
CREATE INDEX upload_by_session_end ON upload (session_ends_at) WHERE state = 'pending';
CREATE INDEX upload_by_verify_lease ON upload (lease_until) WHERE state = 'verifying';
CREATE INDEX upload_by_delete_lease ON upload (lease_until) WHERE state = 'deleting';
CREATE INDEX upload_by_retention_end ON upload (expires_at)
    WHERE state = 'available' AND expires_at IS NOT NULL;
CREATE INDEX upload_by_urls_end ON upload (urls_end_at)
    WHERE quarantined = 1 AND state IN ('available', 'failed', 'expired', 'aborted', 'deleted');
