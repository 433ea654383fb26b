-- Slices: messages on the way out, and what became of them. What PostgreSQL says in its own way.

-- name: slice_overdue_free
-- The queued slice whose time has been over for longest, past those being taken.
SELECT id FROM slice WHERE state = 'queued' AND expires <= :now
ORDER BY expires, id LIMIT 1 FOR UPDATE SKIP LOCKED;

-- name: outcome_add
-- Append what became of messages.
COPY outcome (batch, row, slice, attempt, event, carrier_id, code, reason, parts, at, recipient, done, price) FROM STDIN;

-- name: slice_oldest_free
-- The slice of an account that has waited for longest, past those being taken, and whether more are due.
SELECT id, seq, not_before, (SELECT id FROM slice WHERE state = 'queued' AND backend = :backend AND principal = :principal
    AND not_before <= :now ORDER BY not_before, id LIMIT 1 OFFSET 1) IS NOT NULL AS more
FROM slice
WHERE state = 'queued' AND backend = :backend AND principal = :principal AND not_before <= :now
ORDER BY not_before, id LIMIT 1 FOR UPDATE SKIP LOCKED;

-- name: slice_first_free
-- A slice of an account with a certain part number, past those being taken.
SELECT id, seq, not_before, 1 AS more FROM slice
WHERE state = 'queued' AND backend = :backend AND principal = :principal
    AND seq >= :seq AND seq < :seq + 1 AND not_before <= :now
ORDER BY seq, not_before, id LIMIT 1 FOR UPDATE SKIP LOCKED;
