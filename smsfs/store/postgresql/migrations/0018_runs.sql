-- Receipts find their messages by the carrier's ids, and replies by the numbers, neither of which come in any order:
-- an index on one touches another of its pages for each message, and the log gets all of the page. With a million
-- outcomes after the other, those pages are few, and stay in memory.
DROP INDEX outcome_of_carrier;
DROP INDEX outcome_of_recipient;
CREATE INDEX outcome_of_carrier ON outcome ((id >> 20), carrier_id, id) WHERE recipient IS NOT NULL;
CREATE INDEX outcome_of_recipient ON outcome ((id >> 20), recipient, id) WHERE recipient IS NOT NULL;

-- A result file is written anew at once when nothing more is to come of its messages.
ALTER TABLE result ADD COLUMN missing BIGINT;            -- the words that its version lacks; NULL: nobody counted
ALTER TABLE result ADD COLUMN news BIGINT NOT NULL DEFAULT 0;    -- the words that came since

-- What becomes of few messages, by which those in one of these states are found among millions.
CREATE INDEX outcome_rare ON outcome (event, batch)
WHERE event IN ('no_answer', 'refused', 'too_late', 'cancel', 'undelivered', 'receipt_expired');
