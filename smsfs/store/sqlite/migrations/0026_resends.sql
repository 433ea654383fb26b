-- Rows of a batch that an operator sent again, as another batch.
CREATE TABLE resend (
    batch INTEGER PRIMARY KEY REFERENCES batch ON DELETE CASCADE,     -- the new one
    origin INTEGER NOT NULL,                              -- the number of the old one, which may be deleted before
    ranges TEXT NOT NULL,                            -- JSON: first and last rows
    messages INTEGER NOT NULL,
    digest BLOB NOT NULL,                              -- of the rows and their recipients
    who TEXT NOT NULL,
    at REAL NOT NULL,
    entry INTEGER NOT NULL                                -- of the audit
) STRICT;
CREATE INDEX resend_by_origin ON resend (origin, batch);
-- The number of the old one, also here: a batch whose rows are not known any more is not read whole.
ALTER TABLE batch ADD COLUMN resends INTEGER;
