-- Ways for anybody to send files into one folder. No token is here, nor anything that leads to one: it is the id, sealed.
CREATE TABLE drop_link (
    id            uuid   NOT NULL PRIMARY KEY, -- UUIDv7: later ones sort later
    tenant        text   COLLATE "C" NOT NULL,
    owner         text   COLLATE "C" NOT NULL,
    bucket        text   COLLATE "C" NOT NULL,
    path          text   COLLATE "C" NOT NULL,
    name          text   NOT NULL,
    created_at    bigint NOT NULL,
    expires_at    bigint NOT NULL,
    max_files     bigint, -- NULL: any number
    max_size      bigint, -- of each; NULL: what the bucket takes
    max_bytes     bigint, -- of all; NULL: any number
    content_types text   COLLATE "C" NOT NULL, -- with commas between; '' is what the bucket takes
    revoked_at    bigint
);

CREATE INDEX drop_by_owner ON drop_link (tenant, owner, id);

-- What was declared of each upload under a ticket: their sum may be limited, too.
ALTER TABLE ticket_upload ADD COLUMN size bigint NOT NULL DEFAULT 0;
