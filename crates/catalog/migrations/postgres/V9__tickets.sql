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
