-- What waits longer than it has to, because the clock was ahead.

-- name: waits_batches
-- Bring forward files that wait to be read.
UPDATE batch SET not_before = CASE WHEN failures = 0 THEN :now ELSE :retry_at END
WHERE state = 'pending' AND (not_before > :retry_at OR (failures = 0 AND not_before > :now));

-- name: waits_results
-- Bring forward result files.
UPDATE result SET not_before = :now WHERE final = 0 AND not_before > :pause_at;

-- name: waits_notices
-- Bring forward e-mails.
UPDATE notice SET due = :now
WHERE sent IS NULL AND due > :now
    AND CASE kind WHEN 'window' THEN due > :pause_at ELSE failures = 0 OR due > :mail_at END;

-- name: waits_receipts
-- Bring forward kept receipts.
UPDATE receipt SET due = :now WHERE due > :match_at;

-- name: waits_reply_parts
-- Let the parts of unfinished replies have come now.
UPDATE reply_part SET at = :now WHERE reply IS NULL AND at > :ahead;

-- name: waits_bans
-- Let bans that began later than now begin now, and last as long.
UPDATE ban SET until = :now + (until - since), since = :now WHERE since > :ahead;

-- name: waits_failures
-- Delete failed logins of later than now.
DELETE FROM login_failure WHERE at > :ahead;

-- name: waits_aliases
-- Let aliases of files submitted later than now last as long as they were meant to.
-- One that was shortened ends before its file was submitted, by the clock that was ahead, and stays as it is.
UPDATE alias SET until = :now + (until - (SELECT max(submitted) FROM batch WHERE batch.file = alias.file))
WHERE until > :ahead AND file IN (SELECT file FROM batch WHERE submitted > :ahead)
    AND until > (SELECT max(submitted) FROM batch WHERE batch.file = alias.file);

-- name: waits_slices
-- One page of queued slices that are not due yet.
SELECT id FROM slice WHERE state = 'queued' AND not_before > :now AND id > :after ORDER BY id LIMIT :limit;

-- name: waits_bring_forward
-- Make a queued slice due earlier.
UPDATE slice SET not_before = :not_before WHERE id = :slice AND state = 'queued' AND not_before > :not_before;
