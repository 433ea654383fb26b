-- Rows that operators sent again.

-- name: resend_add
-- Note which rows a batch sends again.
INSERT INTO resend (batch, origin, ranges, messages, digest, who, at, entry)
VALUES (:batch, :origin, :ranges, :messages, :digest, :who, :at, :entry);

-- name: resend_mark
-- Note on a batch itself that it sends rows of another again.
UPDATE batch SET resends = :origin WHERE id = :batch;

-- name: resend_of
-- What a batch sends again.
SELECT r.*, b.state FROM resend r JOIN batch b ON b.id = r.batch WHERE r.batch = :batch;

-- name: resend_origin
-- What was sent again of a batch, oldest first.
SELECT r.*, b.state FROM resend r JOIN batch b ON b.id = r.batch WHERE r.origin = :origin ORDER BY r.batch;

-- name: resend_file
-- Whether a file was made to send rows again.
SELECT id FROM batch WHERE file = :file AND resends IS NOT NULL LIMIT 1;
