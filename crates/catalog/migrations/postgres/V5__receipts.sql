-- When it became available: what its receipt says. NULL where nobody remembers.
ALTER TABLE upload ADD COLUMN verified_at bigint;
UPDATE upload SET verified_at = (
    SELECT at FROM audit WHERE upload_id = id AND from_state = 'verifying' AND to_state = 'available'
) WHERE etag IS NOT NULL;
