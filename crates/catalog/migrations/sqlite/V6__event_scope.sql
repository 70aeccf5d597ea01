-- Whose event it is, and of which bucket: for whoever reads their own. NULL where nobody remembers.
ALTER TABLE outbox ADD COLUMN owner TEXT;
ALTER TABLE outbox ADD COLUMN bucket TEXT;
UPDATE outbox SET (owner, bucket) = (SELECT owner, bucket FROM upload WHERE id = upload_id);
CREATE INDEX outbox_by_owner ON outbox (owner, position);
