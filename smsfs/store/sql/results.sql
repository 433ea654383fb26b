-- Result files, and who writes them.

-- name: leader_get
SELECT owner FROM leader WHERE what = :what;
-- name: leader_add
INSERT INTO leader (what, owner) VALUES (:what, :owner) ON CONFLICT DO NOTHING;
-- name: leader_take_over
UPDATE leader SET owner = :owner WHERE what = :what AND owner = :dead;
-- name: leader_is
SELECT owner FROM leader WHERE what = :what AND owner = :owner;

-- name: result_add
INSERT INTO result (batch) VALUES (:batch);
-- name: result_changed
UPDATE result SET changes = changes + 1 WHERE batch = :batch AND final = 0;
-- name: result_due
SELECT b.*, r.changes, r.file AS shown, (SELECT max(expires) FROM slice WHERE batch = b.id) AS expires
FROM result r JOIN batch b ON b.id = r.batch
WHERE r.final = 0 AND (r.until <= :now OR (r.changes > r.written AND r.not_before <= :now))
ORDER BY r.not_before, r.batch LIMIT :limit;
-- name: result_next_time
SELECT min(time) AS time FROM (
    SELECT min(until) AS time FROM result WHERE final = 0
    UNION ALL SELECT min(not_before) FROM result WHERE final = 0 AND changes > written) times;
-- name: result_written
UPDATE result SET file = :file, written = :written, final = :final, not_before = :not_before, until = :until
WHERE batch = :batch AND final = 0;
-- name: result_postpone
UPDATE result SET not_before = :not_before, until = CASE WHEN until < :not_before THEN :not_before ELSE until END
WHERE batch = :batch AND final = 0;
-- name: result_files
SELECT file FROM result WHERE final = 0 AND file IS NOT NULL;
-- name: result_file_add
INSERT INTO file (account, folder, name, state, content, size, mtime, finished)
VALUES (:account, :folder, :name, :state, :content, :size, :at, :finished) RETURNING id;
-- name: result_file_show
UPDATE file SET state = :state, content = :content, size = :size, mtime = :at, finished = :finished
WHERE id = :file AND finished IS NULL;
-- name: account_drop_results
DELETE FROM result WHERE batch IN (SELECT id FROM batch WHERE account = :account);
-- name: batch_drop_result
DELETE FROM result WHERE batch = :batch;
