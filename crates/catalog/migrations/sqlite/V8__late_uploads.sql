-- When to look next for the bytes of a client that says neither how many it sends nor when it has sent them; NULL: it says
-- both. The size of such an upload is the most there may be, until it is a file.
ALTER TABLE upload ADD COLUMN look_at INTEGER;

-- What is looked for, and what one owner waits for.
CREATE INDEX upload_by_look ON upload (bucket, max(look_at, postponed_until))
    WHERE state = 'pending' AND look_at IS NOT NULL;
CREATE INDEX upload_awaited ON upload (owner, bucket, id) WHERE state = 'pending' AND look_at IS NOT NULL;
