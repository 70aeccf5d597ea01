-- Among whose customers an owner is: '' is the default tenant, whose rows are as they were. Owners of one name in two
-- tenants have nothing in common: where `owner` is part of a primary key (usage, idempotency), that of another tenant is
-- tenant, chr(31), owner, which no owner is. A server of the release before knows no tenants: to it all are in the
-- default one, and it settles their accounts there. Let tokens name tenants when no such server is left.
ALTER TABLE upload ADD COLUMN tenant text COLLATE "C" NOT NULL DEFAULT '';
CREATE INDEX upload_by_tenant ON upload (tenant, id) WHERE state = 'available' AND tenant <> '';
CREATE INDEX upload_by_tenant_owner ON upload (tenant, owner, id) WHERE state = 'available' AND tenant <> '';

ALTER TABLE usage ADD COLUMN tenant text COLLATE "C" NOT NULL DEFAULT '';
CREATE INDEX usage_by_tenant ON usage (tenant, bucket) WHERE tenant <> '';

-- What is there is the default tenant's; what a server of the release before still writes has NULL, and the upload knows.
ALTER TABLE outbox ADD COLUMN tenant text COLLATE "C" DEFAULT '';
ALTER TABLE outbox ALTER COLUMN tenant SET DEFAULT NULL;
CREATE INDEX outbox_by_tenant ON outbox (tenant, position) WHERE tenant <> '';
CREATE INDEX outbox_by_tenant_owner ON outbox (tenant, owner, position) WHERE tenant <> '';
DROP INDEX outbox_of_before;
CREATE INDEX outbox_of_before ON outbox (position) WHERE owner IS NULL OR tenant IS NULL;
ALTER TABLE webhook_delivery ADD COLUMN tenant text COLLATE "C"; -- as in the outbox

-- The scopes of a key of another tenant have names that a server of the release before does not know, so that it is good
-- for nothing there.
ALTER TABLE api_key ADD COLUMN tenant text COLLATE "C" NOT NULL DEFAULT '';
