-- Batches: submitted files, and how reading them ends. What PostgreSQL says in its own way.

-- name: batch_forgotten
-- Which of some numbers are of batches that were deleted.
SELECT CAST(value AS BIGINT) AS id FROM json_array_elements_text(CAST(:ids AS JSON))
WHERE CAST(value AS BIGINT) <= (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM batch_id_seq)
    AND NOT EXISTS (SELECT 1 FROM batch WHERE id = CAST(value AS BIGINT));

-- name: outcome_drop
-- Delete some outcomes.
DELETE FROM outcome WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST(:ids AS JSON)));

-- name: batch_retry
-- Give a batch back to be read again, and count the failure if there was one.
UPDATE batch SET state = {batch.retry to}, owner = NULL, failures = failures + :failed,
    crashes = crashes * (1 - :failed), not_before = greatest(not_before, :not_before)
WHERE id = :batch AND owner = :owner AND state {batch.retry from};

-- name: batch_next_free
-- The file of a lane to read next, past those that another process is just taking, and whether there are more.
SELECT id, (SELECT id FROM batch WHERE state = 'pending' AND lane = :lane AND not_before <= :now
    ORDER BY not_before, id LIMIT 1 OFFSET 1) IS NOT NULL AS more
FROM batch WHERE state = 'pending' AND lane = :lane AND not_before <= :now
ORDER BY not_before, id LIMIT 1 FOR UPDATE SKIP LOCKED;

-- name: batch_is_mine
-- Check that a process reads a batch, and keep it so until the transaction ends.
SELECT id FROM batch WHERE id = :batch AND owner = :owner AND state = 'reading' FOR UPDATE;

-- name: batch_span
-- Nothing: no runs are to be marked.
SELECT NULL AS first, NULL AS last;

-- name: batch_mark_runs
-- Nothing: an index has no entries of rows that are deleted.
SELECT 1;
