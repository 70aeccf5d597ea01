-- What a sweep takes up is left alone for a while, and what it could not do for ever longer.
ALTER TABLE upload ADD COLUMN attempts bigint NOT NULL DEFAULT 0;
ALTER TABLE upload ADD COLUMN postponed_until bigint NOT NULL DEFAULT 0; -- 0: not at all

-- What falls due, bucket by bucket, by when it is looked at next. Only the first of these is written by an insert.
CREATE INDEX upload_by_session_end ON upload (bucket, greatest(session_ends_at, postponed_until))
    WHERE state = 'pending';
CREATE INDEX upload_by_verify_lease ON upload (bucket, greatest(lease_until, postponed_until))
    WHERE state = 'verifying';
CREATE INDEX upload_by_delete_lease ON upload (bucket, greatest(lease_until, postponed_until))
    WHERE state = 'deleting';
CREATE INDEX upload_by_retention_end ON upload (bucket, greatest(expires_at, postponed_until))
    WHERE state = 'available' AND expires_at IS NOT NULL;
-- 75 minutes after the last URL.
CREATE INDEX upload_by_urls_end ON upload (bucket, greatest(urls_end_at + 4500000, postponed_until))
    WHERE leftovers AND state IN ('available', 'failed', 'expired', 'aborted', 'deleted');
CREATE INDEX upload_by_postponement ON upload (postponed_until) WHERE postponed_until > 0;

-- Work that is done by one at a time, and where it stands.
CREATE TABLE task (
    name    text   COLLATE "C" NOT NULL PRIMARY KEY,
    fence   bigint NOT NULL, -- how often it was taken
    place   text,
    free_at bigint NOT NULL
);
