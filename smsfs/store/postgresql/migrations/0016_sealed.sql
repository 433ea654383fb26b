-- Uploads that are whole, of which it is not certain yet that their client meant this end.

-- What a dead process had sealed is not cut.
ALTER TABLE writer ADD COLUMN sealed INTEGER NOT NULL DEFAULT 0;
