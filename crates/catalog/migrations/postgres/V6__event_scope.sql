-- Whose event it is, and of which bucket: for whoever reads their own. Servers of the release before leave them NULL;
-- the upload knows them as long as it is remembered.
ALTER TABLE outbox ADD COLUMN owner text COLLATE "C";
ALTER TABLE outbox ADD COLUMN bucket text COLLATE "C";
UPDATE outbox SET owner = u.owner, bucket = u.bucket FROM upload u WHERE u.id = outbox.upload_id;
CREATE INDEX outbox_by_owner ON outbox (owner, position);
CREATE INDEX outbox_of_before ON outbox (position) WHERE owner IS NULL;
