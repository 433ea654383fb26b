-- What an operator looks for among messages.

-- name: recipients_add
-- Note the recipients of a slice.
INSERT INTO recipients VALUES (:slice, :numbers);

-- name: search_spans
-- The slices of a batch as they were read, and not those tried again.
SELECT id, batch, first_row, last_row FROM slice WHERE batch = :batch AND again = 0 AND state <> 'staged' ORDER BY first_row;

-- name: search_retried
-- The slices of a batch that are tried again.
SELECT id FROM slice WHERE batch = :batch AND state <> 'done' AND state <> 'staged' AND again = 1 ORDER BY id;

-- name: search_unsettled
-- The slices that are queued or with a backend.
SELECT id, batch, first_row, last_row FROM slice WHERE state <> 'done' AND state <> 'staged';

-- name: search_unsettled_of
-- The slices of a batch that are queued or with a backend.
SELECT id, batch, first_row, last_row FROM slice WHERE batch = :batch AND state <> 'done' AND state <> 'staged';

-- name: search_rare
-- The messages of a batch that something rare became of.
SELECT row FROM outcome WHERE event = :event AND batch = :batch
    AND event IN ('no_answer', 'refused', 'too_late', 'cancel', 'undelivered', 'receipt_expired');

-- name: search_submitted
-- The numbers of the batches submitted in a time.
SELECT min(id) AS first, max(id) AS last FROM batch WHERE submitted >= :since AND submitted < :until;

-- name: search_attempts
-- What became of a message, and by which backend.
SELECT o.*, s.backend FROM outcome o LEFT JOIN slice s ON s.id = o.slice WHERE o.batch = :batch AND o.row = :row ORDER BY o.id;

-- name: search_result
-- The result file of a batch.
SELECT file, final FROM result WHERE batch = :batch;

-- name: search_newest
-- The newest batches before a number.
SELECT * FROM batch WHERE id < :below ORDER BY id DESC LIMIT :limit;

-- name: search_newest_of
-- The newest batches of an account before a number.
SELECT * FROM batch WHERE account = :account AND id < :below ORDER BY id DESC LIMIT :limit;
