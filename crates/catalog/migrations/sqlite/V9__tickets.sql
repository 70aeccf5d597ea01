-- Which uploads were created under a ticket: how many there are counts against it, and its holder sees these alone. Written
-- in the transaction of the upload itself. A ticket is SHA-256 of what names it.
CREATE TABLE ticket_upload (
    ticket     BLOB    NOT NULL CHECK (length(ticket) = 32),
    upload_id  BLOB    NOT NULL CHECK (length(upload_id) = 16),
    expires_at INTEGER NOT NULL, -- of the ticket: nobody asks afterwards
    PRIMARY KEY (ticket, upload_id)
) STRICT, WITHOUT ROWID;

-- Tickets are forgotten by age.
CREATE INDEX ticket_upload_by_end ON ticket_upload (expires_at);
