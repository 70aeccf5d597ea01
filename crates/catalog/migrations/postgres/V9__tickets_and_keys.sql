-- Which uploads were created under a ticket: how many there are counts against it, and its holder sees these alone. Written
-- in the transaction of the upload itself, which holds its owner's account: of one ticket one server counts at a time. A
-- ticket is SHA-256 of what names it.
CREATE TABLE ticket_upload (
    ticket     bytea  NOT NULL CHECK (length(ticket) = 32),
    upload_id  uuid   NOT NULL,
    expires_at bigint NOT NULL, -- of the ticket: nobody asks afterwards
    PRIMARY KEY (ticket, upload_id)
);

-- Tickets are forgotten by age.
CREATE INDEX ticket_upload_by_end ON ticket_upload (expires_at);

-- How backends without an identity provider sign in. No secret is here: a hash of 256 random bits leads nowhere.
CREATE TABLE api_key (
    id           text   COLLATE "C" NOT NULL PRIMARY KEY,
    name         text   NOT NULL,
    subject      text   COLLATE "C" NOT NULL,
    scopes       text   COLLATE "C" NOT NULL, -- with commas between
    hash         bytea  NOT NULL CHECK (length(hash) = 32), -- SHA-256 of the secret
    old_hash     bytea  CHECK (length(old_hash) = 32), -- of the one before, which holds until the next column
    old_until    bigint,
    created_at   bigint NOT NULL,
    expires_at   bigint, -- NULL: never
    last_used_at bigint  -- to the hour
);
