-- Batches: submitted files, and how reading them ends. What SQLite says in its own way.

-- name: batch_next_free
-- The file of a lane to read next, and whether there are more.
SELECT id, (SELECT id FROM batch WHERE state = 'pending' AND lane = :lane AND not_before <= :now
    ORDER BY not_before, id LIMIT 1 OFFSET 1) IS NOT NULL AS more
FROM batch WHERE state = 'pending' AND lane = :lane AND not_before <= :now ORDER BY not_before, id LIMIT 1;

-- name: batch_forgotten
-- Which of some numbers are of batches that were deleted.
SELECT value AS id FROM json_each(:ids) WHERE value <= (SELECT seq FROM sqlite_sequence WHERE name = 'batch')
    AND NOT EXISTS (SELECT 1 FROM batch WHERE id = value);

-- name: outcome_drop
-- Delete some outcomes.
DELETE FROM outcome WHERE id IN (SELECT value FROM json_each(:ids));

-- name: batch_retry
-- Give a batch back to be read again, and count the failure if there was one.
UPDATE batch SET state = {batch.retry to}, owner = NULL, failures = failures + :failed,
    crashes = crashes * (1 - :failed), not_before = max(not_before, :not_before)
WHERE id = :batch AND owner = :owner AND state {batch.retry from};

-- name: batch_is_mine
-- Check that a process reads a batch, and keep it so until the transaction ends.
SELECT id FROM batch WHERE id = :batch AND owner = :owner AND state = 'reading';
