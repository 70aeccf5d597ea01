-- What happened to each upload, edge by edge. Written with the edge, never changed. The creation is not here: the
-- row of the upload says it. One partition holds a week: week n begins n * 604800000 milliseconds after 1970 and is
-- called audit_n. The service makes them ahead, and drops those that are old enough.
CREATE TABLE audit (
    upload_id  uuid   NOT NULL,
    seq        bigint NOT NULL, -- the epoch it led to
    from_state text   NOT NULL,
    to_state   text   NOT NULL,
    at         bigint NOT NULL,
    by_subject text,            -- NULL: the service itself
    PRIMARY KEY (upload_id, seq, at)
) PARTITION BY RANGE (at);

-- What others are to be told, in the order it was committed: whoever takes positions holds a lock until its commit.
-- Positions are never given twice. The partitions are weeks, as those of the audit log.
CREATE SEQUENCE outbox_position;
CREATE TABLE outbox (
    position  bigint NOT NULL,
    upload_id uuid   NOT NULL,
    seq       bigint NOT NULL, -- the epoch it led to
    kind      text   NOT NULL,
    at        bigint NOT NULL,
    PRIMARY KEY (position, at)
) PARTITION BY RANGE (at);

-- What uploads and files take: of each owner in each bucket, and, under the owner '', of everybody in it. Written by
-- every create and every end: the room in its pages keeps those updates within one page.
CREATE TABLE usage (
    owner          text   COLLATE "C" NOT NULL,
    bucket         text   COLLATE "C" NOT NULL,
    open_uploads   bigint NOT NULL CHECK (open_uploads >= 0),
    reserved_bytes bigint NOT NULL CHECK (reserved_bytes >= 0),
    files          bigint NOT NULL CHECK (files >= 0),
    stored_bytes   bigint NOT NULL CHECK (stored_bytes >= 0),
    PRIMARY KEY (owner, bucket)
) WITH (fillfactor = 50);

-- Records without a file are forgotten by age.
ALTER TABLE upload ADD COLUMN settled_at bigint;
CREATE INDEX upload_by_settling ON upload (settled_at) WHERE settled_at IS NOT NULL AND NOT leftovers;
