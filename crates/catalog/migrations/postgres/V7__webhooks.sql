-- Who is told what happens, and how far along the outbox each has got.
CREATE TABLE webhook_endpoint (
    id               text   COLLATE "C" NOT NULL PRIMARY KEY,
    url              text   NOT NULL,
    kinds            text   NOT NULL, -- with commas between; '' is all that nobody has to ask for
    buckets          text   NOT NULL, -- likewise; '' is all
    origin           text   COLLATE "C" NOT NULL, -- who made it: config or api
    disabled         text,            -- why; NULL: it is not
    generation       bigint NOT NULL, -- of its secret; the secret itself is nowhere
    old_secret_until bigint,          -- until then the generation before counts, too
    cursor           bigint NOT NULL, -- the last position of the outbox that was handed on
    created_at       bigint NOT NULL,
    version          bigint NOT NULL  -- how often it was changed
) WITH (fillfactor = 50);

-- What each is to be told: made in the transaction that moves its cursor. The event is here as well, so that the outbox
-- may be forgotten. Whoever ends one of a file holds the endpoint, shared: the next of that file cannot be put behind it
-- in between.
CREATE TABLE webhook_delivery (
    endpoint_id text   COLLATE "C" NOT NULL,
    position    bigint NOT NULL,
    upload_id   uuid   NOT NULL,
    seq         bigint NOT NULL,
    kind        text   COLLATE "C" NOT NULL,
    at          bigint NOT NULL,
    owner       text   COLLATE "C", -- this and the next: as in the outbox
    bucket      text   COLLATE "C",
    state       text   COLLATE "C" NOT NULL, -- waiting, done or dead
    attempts    bigint NOT NULL, -- those that came to an end
    due_at      bigint,          -- NULL: over, or behind an earlier one of the same file
    lease_until bigint,          -- somebody is at it
    fence       bigint NOT NULL, -- how often somebody took it up
    tried_at    bigint,          -- this and the next two: the last attempt
    status      bigint,
    problem     text,
    PRIMARY KEY (endpoint_id, position)
) WITH (fillfactor = 80);

CREATE INDEX webhook_delivery_by_due ON webhook_delivery (endpoint_id, due_at, position)
    WHERE state = 'waiting' AND due_at IS NOT NULL;
CREATE INDEX webhook_delivery_by_file ON webhook_delivery (endpoint_id, upload_id, position) WHERE state = 'waiting';
CREATE INDEX webhook_delivery_by_state ON webhook_delivery (endpoint_id, state, position) WHERE state <> 'done';
CREATE INDEX webhook_delivery_by_end ON webhook_delivery (state, tried_at) WHERE state <> 'waiting';
