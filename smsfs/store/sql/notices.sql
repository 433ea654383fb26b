-- E-mails about batches.

-- name: notice_add
INSERT INTO notice (account, batch, kind, address, due)
SELECT account, id, :kind, :address, :due FROM batch WHERE id = :batch ON CONFLICT DO NOTHING;
-- name: notice_due
SELECT * FROM notice WHERE sent IS NULL AND due <= :now ORDER BY due, id LIMIT :limit;
-- name: notice_done
UPDATE notice SET sent = :now WHERE id = :notice AND sent IS NULL;
-- name: notice_later
UPDATE notice SET due = :due, failures = failures + :failed WHERE id = :notice AND sent IS NULL;
-- name: batch_drop_notices
DELETE FROM notice WHERE batch = :batch;
