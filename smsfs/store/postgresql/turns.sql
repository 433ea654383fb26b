-- Slices that are taken, past those that another process is just taking.

-- name: slice_oldest_free
SELECT id, seq, not_before FROM slice
WHERE state = 'queued' AND backend = :backend AND principal = :principal AND not_before <= :now
ORDER BY not_before, id LIMIT 1 FOR UPDATE SKIP LOCKED;
-- name: slice_first_free
SELECT id, seq, not_before FROM slice
WHERE state = 'queued' AND backend = :backend AND principal = :principal
    AND seq >= :seq AND seq < :seq + 1 AND not_before <= :now
ORDER BY seq, not_before, id LIMIT 1 FOR UPDATE SKIP LOCKED;
