-- Ways to one file for whoever has them. No token is here: a hash of 160 random bits leads nowhere. Whose a link is are
-- the columns of its file.
CREATE TABLE link (
    id            uuid    NOT NULL PRIMARY KEY, -- UUIDv7: later links sort later
    hash          bytea   NOT NULL UNIQUE CHECK (length(hash) = 32), -- SHA-256 of the token
    file_id       uuid    NOT NULL,
    tenant        text    COLLATE "C" NOT NULL,
    owner         text    COLLATE "C" NOT NULL,
    made_by       text    COLLATE "C" NOT NULL,
    name          text    NOT NULL,
    created_at    bigint  NOT NULL,
    expires_at    bigint  NOT NULL,
    max_downloads bigint, -- NULL: any number
    downloads     bigint  NOT NULL DEFAULT 0,
    networks      text    COLLATE "C" NOT NULL, -- with commas between; '' is any
    password      text    COLLATE "C", -- Argon2id, as a PHC string
    landing       boolean NOT NULL,
    revoked_at    bigint
);

CREATE INDEX link_by_file ON link (file_id, id);
CREATE INDEX link_by_owner ON link (tenant, owner, id);

-- Each use of a link, in the transaction that counts it. `number` is how many there were then.
CREATE TABLE link_use (
    link_id uuid   NOT NULL,
    number  bigint NOT NULL,
    at      bigint NOT NULL,
    address text, -- as much of it as is to be known
    agent   text,
    PRIMARY KEY (link_id, number)
);

-- Uses are forgotten by age.
CREATE INDEX link_use_by_time ON link_use (at);
