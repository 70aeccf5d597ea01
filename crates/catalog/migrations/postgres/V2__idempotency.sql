-- Which upload a client's Idempotency-Key stands for. Written in the transaction of the upload itself.
CREATE TABLE idempotency (
    owner      text   COLLATE "C" NOT NULL,
    key        text   COLLATE "C" NOT NULL,
    request    bytea  NOT NULL CHECK (length(request) = 32), -- SHA-256 of what was asked
    upload_id  uuid   NOT NULL,
    valid_for  bigint NOT NULL, -- seconds its requests were signed for
    created_at bigint NOT NULL,
    PRIMARY KEY (owner, key)
);

-- Keys are forgotten by age.
CREATE INDEX idempotency_by_age ON idempotency (created_at);
