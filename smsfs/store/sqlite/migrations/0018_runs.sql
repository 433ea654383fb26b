-- Receipts find their messages by the carrier's ids, and replies by the numbers, neither of which come in any order:
-- an index that each commit keeps up has it write as many pages as it has messages. So outcomes are sorted many at
-- a time, into runs, and those that are newer than the last run are looked through.

CREATE TABLE run (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    first INTEGER,                              -- the numbers of the outcomes that it is of; NULL: it is being deleted
    last INTEGER UNIQUE,                        -- NULL: it is not whole yet, or no more
    stale INTEGER NOT NULL DEFAULT 0            -- how often some of its outcomes were deleted since it was cleaned
) STRICT;
CREATE TABLE run_carrier (
    run INTEGER NOT NULL,
    carrier_id TEXT NOT NULL,
    outcome INTEGER NOT NULL,
    PRIMARY KEY (run, carrier_id, outcome)
) STRICT, WITHOUT ROWID;
CREATE TABLE run_recipient (
    run INTEGER NOT NULL,
    recipient INTEGER NOT NULL,
    outcome INTEGER NOT NULL,
    PRIMARY KEY (run, recipient, outcome)
) STRICT, WITHOUT ROWID;

-- What there is already becomes one run, read in the order of the indexes that it replaces.
INSERT INTO run (id, first, last)
SELECT 1, first, last FROM (SELECT min(id) AS first, max(id) AS last FROM outcome) WHERE first IS NOT NULL;
INSERT INTO run_carrier SELECT 1, carrier_id, id FROM outcome
WHERE recipient IS NOT NULL AND carrier_id > '' ORDER BY carrier_id, id;
INSERT INTO run_recipient SELECT 1, recipient, id FROM outcome WHERE recipient IS NOT NULL ORDER BY recipient, id;
DROP INDEX outcome_of_carrier;
DROP INDEX outcome_of_recipient;

-- A result file is written anew at once when nothing more is to come of its messages.
ALTER TABLE result ADD COLUMN missing INTEGER;            -- the words that its version lacks; NULL: nobody counted
ALTER TABLE result ADD COLUMN news INTEGER NOT NULL DEFAULT 0;    -- the words that came since

-- What becomes of few messages, by which those in one of these states are found among millions.
CREATE INDEX outcome_rare ON outcome (event, batch)
WHERE event IN ('no_answer', 'refused', 'too_late', 'cancel', 'undelivered', 'receipt_expired');
