-- Rows of a batch that an operator sent again, as another batch.
CREATE TABLE resend (
    batch BIGINT PRIMARY KEY REFERENCES batch ON DELETE CASCADE,     -- the new one
    origin BIGINT NOT NULL,                              -- the number of the old one, which may be deleted before
    ranges TEXT NOT NULL,                            -- JSON: first and last rows
    messages BIGINT NOT NULL,
    digest BYTEA NOT NULL,                              -- of the rows and their recipients
    who TEXT NOT NULL,
    at DOUBLE PRECISION NOT NULL,
    entry BIGINT NOT NULL                                -- of the audit
);
CREATE INDEX resend_by_origin ON resend (origin, batch);
-- The number of the old one, also here: a batch whose rows are not known any more is not read whole.
ALTER TABLE batch ADD COLUMN resends BIGINT;
