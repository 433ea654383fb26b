-- Whose slices wait for a backend. From one account to the next, and never along all that it has queued.

-- name: slice_principals
WITH RECURSIVE each (principal) AS (
    SELECT min(principal) FROM slice WHERE state = 'queued' AND backend = :backend
    UNION ALL
    SELECT (SELECT min(principal) FROM slice WHERE state = 'queued' AND backend = :backend AND principal > each.principal)
    FROM each WHERE principal IS NOT NULL)
SELECT principal,
    (SELECT min(not_before) FROM slice WHERE state = 'queued' AND backend = :backend AND principal = each.principal) AS time
FROM each WHERE principal IS NOT NULL;
-- name: slice_first_seq
-- The earliest part of any file that is due. From one number to the next, for a part may wait for days. Numbers
-- are asked for as a range, and in order, so that no planner takes the other index.
WITH RECURSIVE part (seq) AS (
    SELECT min(seq) FROM slice WHERE state = 'queued' AND backend = :backend AND principal = :principal
    UNION ALL
    SELECT (SELECT min(seq) FROM slice WHERE state = 'queued' AND backend = :backend AND principal = :principal
            AND seq > part.seq)
    FROM part WHERE seq IS NOT NULL)
SELECT seq FROM part WHERE seq IS NOT NULL
    AND (SELECT not_before FROM slice
         WHERE state = 'queued' AND backend = :backend AND principal = :principal
             AND seq >= part.seq AND seq < part.seq + 1
         ORDER BY seq, not_before LIMIT 1) <= :now
LIMIT 1;
-- name: slice_oldest_free
SELECT id, seq, not_before FROM slice
WHERE state = 'queued' AND backend = :backend AND principal = :principal AND not_before <= :now
ORDER BY not_before, id LIMIT 1;
-- name: slice_first_free
SELECT id, seq, not_before FROM slice
WHERE state = 'queued' AND backend = :backend AND principal = :principal
    AND seq >= :seq AND seq < :seq + 1 AND not_before <= :now
ORDER BY seq, not_before, id LIMIT 1;
