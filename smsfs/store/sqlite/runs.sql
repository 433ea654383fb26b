-- Outcomes sorted by the carrier's ids and by recipients, many at a time.

-- name: run_pending
-- The outcomes that are in no run yet.
SELECT (SELECT min(id) FROM outcome WHERE id > (SELECT coalesce(max(last), 0) FROM run)) AS first,
    (SELECT max(id) FROM outcome) AS last;

-- name: run_add
-- Add a run, unless another process was first; without "last" it is not whole yet.
INSERT INTO run (first, last) SELECT :first, :last
WHERE :last IS NULL OR NOT EXISTS (SELECT 1 FROM run WHERE last >= :first) RETURNING id;

-- name: run_add_carriers
-- Sort some outcomes by the carrier's ids.
INSERT INTO run_carrier SELECT :run, carrier_id, id FROM outcome
WHERE id BETWEEN :first AND :last AND recipient IS NOT NULL AND carrier_id > '' ORDER BY carrier_id, id;

-- name: run_add_recipients
-- Sort some outcomes by recipient.
INSERT INTO run_recipient SELECT :run, recipient, id FROM outcome
WHERE id BETWEEN :first AND :last AND recipient IS NOT NULL ORDER BY recipient, id;

-- name: run_all
-- The whole runs, oldest first.
SELECT id, first, last, stale FROM run WHERE last IS NOT NULL ORDER BY last;

-- name: run_gone
-- The runs that are not whole.
SELECT id FROM run WHERE last IS NULL;

-- name: run_going_on
-- Whether a run that is being made is still wanted.
SELECT id FROM run WHERE id = :run AND last IS NULL AND first IS NOT NULL;

-- name: run_end
-- Have a run be no more.
UPDATE run SET first = NULL, last = NULL WHERE id = :run;

-- name: run_finish
-- Have a run be whole.
UPDATE run SET last = :last, stale = :stale WHERE id = :run AND last IS NULL AND first IS NOT NULL;

-- name: run_drop
-- Forget a run that has no entries any more.
DELETE FROM run WHERE id = :run AND last IS NULL;

-- name: run_clean
-- Note that a run has no entries of deleted outcomes, unless more were deleted since.
UPDATE run SET stale = 0 WHERE id = :run AND stale = :stale;

-- name: run_lives
-- Whether any outcome of a run is left.
SELECT id FROM outcome WHERE id BETWEEN :first AND :last LIMIT 1;

-- name: run_next_carrier
-- The id up to which some runs have few entries more.
SELECT min(until) AS until FROM (
    SELECT (SELECT carrier_id FROM run_carrier WHERE run = u.value AND carrier_id > :after
            ORDER BY carrier_id LIMIT 1 OFFSET :some) AS until
    FROM json_each(:runs) u);

-- name: run_next_recipient
-- The number up to which some runs have few entries more.
SELECT min(until) AS until FROM (
    SELECT (SELECT recipient FROM run_recipient WHERE run = u.value AND recipient > :after
            ORDER BY recipient LIMIT 1 OFFSET :some) AS until
    FROM json_each(:runs) u);

-- name: run_merge_carrier
-- Bring a part of some runs into another one.
INSERT INTO run_carrier SELECT :run, c.carrier_id, c.outcome FROM json_each(:runs) u
CROSS JOIN run_carrier c ON c.run = u.value AND c.carrier_id > :after AND c.carrier_id <= :until
ORDER BY c.carrier_id, c.outcome;

-- name: run_merge_recipient
-- Bring a part of some runs into another one.
INSERT INTO run_recipient SELECT :run, c.recipient, c.outcome FROM json_each(:runs) u
CROSS JOIN run_recipient c ON c.run = u.value AND c.recipient > :after AND c.recipient <= :until
ORDER BY c.recipient, c.outcome;

-- name: run_clean_carrier
-- Delete the entries of deleted outcomes from a part of a run.
DELETE FROM run_carrier WHERE run = :run AND carrier_id > :after AND carrier_id <= :until
    AND NOT EXISTS (SELECT 1 FROM outcome WHERE id = run_carrier.outcome);

-- name: run_clean_recipient
-- Delete the entries of deleted outcomes from a part of a run.
DELETE FROM run_recipient WHERE run = :run AND recipient > :after AND recipient <= :until
    AND NOT EXISTS (SELECT 1 FROM outcome WHERE id = run_recipient.outcome);

-- name: run_drop_carrier
-- Delete a part of a run.
DELETE FROM run_carrier WHERE run = :run AND carrier_id > :after AND carrier_id <= :until;

-- name: run_drop_recipient
-- Delete a part of a run.
DELETE FROM run_recipient WHERE run = :run AND recipient > :after AND recipient <= :until;

-- name: batch_span
-- The numbers of the outcomes of a batch, from the first to the last.
SELECT min(id) AS first, max(id) AS last FROM outcome WHERE batch = :batch;

-- name: batch_mark_runs
-- Note that some outcomes are about to be deleted.
UPDATE run SET stale = stale + 1 WHERE last >= :first AND first <= :last;

-- name: account_mark_runs
-- Note that the outcomes of an account are about to be deleted.
UPDATE run SET stale = stale + 1
WHERE last >= (SELECT min(id) FROM outcome WHERE batch IN (SELECT id FROM batch WHERE account = :account))
    AND first <= (SELECT max(id) FROM outcome WHERE batch IN (SELECT id FROM batch WHERE account = :account));
