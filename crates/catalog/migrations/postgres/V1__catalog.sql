-- An upload and the file it becomes are one row under one id. Instants are milliseconds since 1970.
CREATE TABLE upload (
    id              uuid    NOT NULL PRIMARY KEY,
    bucket          text    COLLATE "C" NOT NULL,
    key             text    NOT NULL,
    owner           text    COLLATE "C" NOT NULL,
    filename        text    NOT NULL,
    path            text    COLLATE "C" NOT NULL,
    content_type    text    COLLATE "C" NOT NULL,
    size            bigint  NOT NULL,
    checksum        text    COLLATE "C", -- algorithm:base64
    metadata        text    NOT NULL,    -- JSON
    part_size       bigint,              -- NULL: a single PUT
    multipart_id    text,                -- storage's name for a multipart upload
    created_at      bigint  NOT NULL,
    session_ends_at bigint  NOT NULL,
    urls_end_at     bigint  NOT NULL,
    retain_for      bigint,              -- seconds
    state           text    COLLATE "C" NOT NULL,
    epoch           bigint  NOT NULL,
    lease_until     bigint,
    source_etag     text,
    problem         text,                -- JSON
    etag            text,                -- this and the next three: what was found when it became available
    integrity       text,
    detected_type   text,
    expires_at      bigint,
    download_count  bigint  NOT NULL,
    leftovers       boolean NOT NULL
);

-- What is listed.
CREATE INDEX upload_by_owner ON upload (owner, id) WHERE state = 'available';
CREATE INDEX upload_by_bucket ON upload (bucket, id) WHERE state = 'available';
