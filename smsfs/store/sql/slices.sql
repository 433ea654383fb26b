-- Slices: messages on the way out, and what became of them.

-- name: slice_add
-- Add a slice.
INSERT INTO slice (batch, seq, first_row, last_row, size, again, state, backend, chain, not_before, expires, attempt,
    orders, principal)
VALUES (:batch, :seq, :first_row, :last_row, :size, :again, :state, :backend, :chain, :not_before, :expires, :attempt,
    :orders, (SELECT lane / 2 FROM batch WHERE id = :batch))
RETURNING id;

-- name: payload_add
-- Store the messages of a slice.
INSERT INTO payload VALUES (:slice, :messages);

-- name: slice_overdue
-- Whether a slice is queued whose time is over.
SELECT id FROM slice WHERE state = 'queued' AND expires <= :now LIMIT 1;

-- name: slice_claim
-- Take a slice to send.
UPDATE slice SET state = {slice.claim to}, owner = :owner, attempt = attempt + 1
WHERE id = :slice AND state {slice.claim from};

-- name: slice_full
-- A slice with its messages, the path of its batch and the name of its account.
SELECT s.*, b.path, b.submitted, a.name AS account, p.messages
FROM slice s JOIN batch b ON b.id = s.batch JOIN account a ON a.id = b.account LEFT JOIN payload p ON p.slice = s.id
WHERE s.id = :slice;

-- name: slice_release
-- Give back a claimed slice from which nothing was sent.
UPDATE slice SET state = {slice.release to}, owner = NULL, attempt = attempt - 1
WHERE id = :slice AND owner = :owner AND attempt = :attempt AND state {slice.release from};

-- name: slice_report
-- Check that a process has a slice, and end it if all of its messages are answered.
UPDATE slice SET state = CASE WHEN :done THEN {slice.finish to} ELSE state END
WHERE id = :slice AND owner = :owner AND attempt = :attempt AND state {slice.finish from};

-- name: slice_claimed
-- The claimed slices and who has them.
-- With a plus: to have them in order, a planner would read along all slices.
SELECT id, owner FROM slice WHERE state = 'claimed' ORDER BY +id;

-- name: slice_take_over
-- Take a claimed slice from a dead process.
UPDATE slice SET owner = :owner WHERE id = :slice AND owner = :dead AND attempt = :attempt AND state = 'claimed';

-- name: slice_of_batch
-- The slices of a batch, but for staged ones.
SELECT id FROM slice WHERE batch = :batch AND state <> 'staged' ORDER BY id;

-- name: slice_backlog
-- How many messages wait for each backend or are with it.
SELECT backend, CAST(sum(size) AS BIGINT) AS messages FROM slice
WHERE state <> 'done' AND state IN ('queued', 'claimed', 'stopped', 'held') GROUP BY backend;

-- name: outcome_of_rows
-- What became of some rows of a batch, oldest first.
SELECT * FROM outcome WHERE batch = :batch AND row BETWEEN :first_row AND :last_row ORDER BY id;

-- name: outcome_of_attempt
-- The rows of a slice that have an outcome of its present attempt.
SELECT DISTINCT row FROM outcome
WHERE batch = :batch AND row BETWEEN :first_row AND :last_row AND slice = :slice AND attempt = :attempt;

-- name: slice_principals
-- The accounts with slices queued for a backend, and when the first of each is due.
-- From one account to the next, and never along all that it has queued.
WITH RECURSIVE each (principal) AS (
    SELECT min(principal) FROM slice WHERE state = 'queued' AND backend = :backend
    UNION ALL
    SELECT (SELECT min(principal) FROM slice WHERE state = 'queued' AND backend = :backend AND principal > each.principal)
    FROM each WHERE principal IS NOT NULL)
SELECT principal,
    (SELECT min(not_before) FROM slice WHERE state = 'queued' AND backend = :backend AND principal = each.principal) AS time
FROM each WHERE principal IS NOT NULL;

-- name: slice_first_seq
-- The lowest part number of an account's files that is due at a backend.
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
-- The slice of an account that has waited for longest, and whether more are due.
SELECT id, seq, not_before, (SELECT id FROM slice WHERE state = 'queued' AND backend = :backend AND principal = :principal
    AND not_before <= :now ORDER BY not_before, id LIMIT 1 OFFSET 1) IS NOT NULL AS more
FROM slice
WHERE state = 'queued' AND backend = :backend AND principal = :principal AND not_before <= :now
ORDER BY not_before, id LIMIT 1;

-- name: slice_first_free
-- A slice of an account with a certain part number.
SELECT id, seq, not_before, 1 AS more FROM slice
WHERE state = 'queued' AND backend = :backend AND principal = :principal
    AND seq >= :seq AND seq < :seq + 1 AND not_before <= :now
ORDER BY seq, not_before, id LIMIT 1;

-- name: outcome_rare
-- The batches with messages that something rare became of.
-- From one batch to the next, and never along all outcomes; the list is that of the index, or it would not be used.
WITH RECURSIVE each (batch) AS (
    SELECT min(batch) FROM outcome WHERE event = :event
        AND event IN ('no_answer', 'refused', 'too_late', 'cancel', 'undelivered', 'receipt_expired')
    UNION ALL
    SELECT (SELECT min(batch) FROM outcome WHERE event = :event AND batch > each.batch
            AND event IN ('no_answer', 'refused', 'too_late', 'cancel', 'undelivered', 'receipt_expired'))
    FROM each WHERE batch IS NOT NULL)
SELECT batch FROM each WHERE batch IS NOT NULL;
