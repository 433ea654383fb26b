-- Receipts that name two ids, and those that only look like receipts.

ALTER TABLE receipt ADD COLUMN other TEXT NOT NULL DEFAULT '';  -- another id that it names
ALTER TABLE receipt ADD COLUMN reply TEXT;                      -- JSON: what it is if its id is nobody's
