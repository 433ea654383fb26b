-- What an operator looks for: messages to a number, and those of some days.

-- Of each recipient of a slice four bytes, by which slices with messages to a number are found among all: an index of
-- numbers, which come in no order, would have each commit write a page for each message. Slices that are older than
-- this table are not in it.
CREATE TABLE recipients (
    slice INTEGER PRIMARY KEY REFERENCES slice ON DELETE CASCADE,
    numbers BLOB NOT NULL
) STRICT;

CREATE INDEX batch_submitted ON batch (submitted);
