-- Which upload a client's Idempotency-Key stands for. Written in the transaction of the upload itself.
CREATE TABLE idempotency (
    owner      TEXT    NOT NULL,
    key        TEXT    NOT NULL,
    request    BLOB    NOT NULL CHECK (length(request) = 32), -- SHA-256 of what was asked
    upload_id  BLOB    NOT NULL CHECK (length(upload_id) = 16),
    valid_for  INTEGER NOT NULL, -- seconds its requests were signed for
    created_at INTEGER NOT NULL,
    PRIMARY KEY (owner, key)
) STRICT, WITHOUT ROWID;

-- Keys are forgotten by age.
CREATE INDEX idempotency_by_age ON idempotency (created_at);
