-- E-mails about batches.

-- name: notice_add
-- Leave an e-mail about a batch to be sent.
INSERT INTO notice (account, batch, kind, address, due)
SELECT account, id, :kind, :address, :due FROM batch WHERE id = :batch ON CONFLICT DO NOTHING;

-- name: notice_due
-- E-mails that are due.
SELECT * FROM notice WHERE sent IS NULL AND due <= :now ORDER BY due, id LIMIT :limit;

-- name: notice_done
-- Note that an e-mail was sent, or given up.
UPDATE notice SET sent = :now WHERE id = :notice AND sent IS NULL;

-- name: notice_later
-- Send an e-mail later.
UPDATE notice SET due = :due, failures = failures + :failed WHERE id = :notice AND sent IS NULL;

-- name: batch_drop_notices
-- Delete the e-mails about a batch.
DELETE FROM notice WHERE batch = :batch;
