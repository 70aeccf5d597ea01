-- Among whose customers an owner is: '' is the default tenant, whose rows are as they were. Owners of one name in two
-- tenants have nothing in common: where `owner` is part of a primary key (usage, idempotency), that of another tenant is
-- tenant, char(31), owner, which no owner is.
ALTER TABLE upload ADD COLUMN tenant TEXT NOT NULL DEFAULT '';
CREATE INDEX upload_by_tenant ON upload (tenant, id) WHERE state = 'available' AND tenant <> '';
CREATE INDEX upload_by_tenant_owner ON upload (tenant, owner, id) WHERE state = 'available' AND tenant <> '';

ALTER TABLE usage ADD COLUMN tenant TEXT NOT NULL DEFAULT '';
CREATE INDEX usage_by_tenant ON usage (tenant, bucket) WHERE tenant <> '';

-- NULL: a server of the release before wrote it, and the upload knows.
ALTER TABLE outbox ADD COLUMN tenant TEXT;
UPDATE outbox SET tenant = '';
CREATE INDEX outbox_by_tenant ON outbox (tenant, position) WHERE tenant <> '';
CREATE INDEX outbox_by_tenant_owner ON outbox (tenant, owner, position) WHERE tenant <> '';
ALTER TABLE webhook_delivery ADD COLUMN tenant TEXT; -- as in the outbox

-- The scopes of a key of another tenant have names that a server of the release before does not know, so that it is good
-- for nothing there.
ALTER TABLE api_key ADD COLUMN tenant TEXT NOT NULL DEFAULT '';
