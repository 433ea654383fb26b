-- Result files, and the files that smsfs writes.

-- name: result_add
-- Note that a batch has a result file.
INSERT INTO result (batch) VALUES (:batch);

-- name: result_changed
-- Note that something became of messages that a result file tells of; once nothing is missing, it is due at once.
UPDATE result SET changes = changes + 1, news = news + :news,
    not_before = CASE WHEN news + :news >= missing THEN 0 ELSE not_before END
WHERE batch = :batch AND final = 0 RETURNING not_before;

-- name: result_due
-- The result files to write anew, with when their last message is too late to be sent.
SELECT b.*, r.changes, r.news, r.file AS shown, (SELECT max(expires) FROM slice WHERE batch = b.id) AS expires
FROM (SELECT batch FROM result WHERE final = 0 AND until <= :now
      UNION SELECT batch FROM result WHERE final = 0 AND changes > written AND not_before <= :now) due
JOIN result r ON r.batch = due.batch JOIN batch b ON b.id = r.batch
ORDER BY r.not_before, r.batch LIMIT :limit;

-- name: result_next_time
-- When the next result file is to be written.
SELECT min(time) AS time FROM (
    SELECT min(until) AS time FROM result WHERE final = 0
    UNION ALL SELECT min(not_before) FROM result WHERE final = 0 AND changes > written) times;

-- name: result_written
-- Note which version of a result file was written, and when the next is due.
UPDATE result SET file = :file, written = :written, final = :final, until = :until, missing = :missing,
    news = news - :news, not_before = CASE WHEN news - :news >= :missing THEN 0 ELSE :not_before END
WHERE batch = :batch AND final = 0;

-- name: result_postpone
-- Write a result file later, whatever comes meanwhile.
UPDATE result SET not_before = :not_before, missing = NULL, until = CASE WHEN until < :not_before THEN :not_before ELSE until END
WHERE batch = :batch AND final = 0;

-- name: result_files
-- The result files that are not final.
SELECT file FROM result WHERE final = 0 AND file IS NOT NULL;

-- name: result_file_add
-- Add a file that smsfs writes, under a path of its own.
INSERT INTO file (account, folder, name, state, content, size, mtime, finished)
VALUES (:account, :folder, :name, :state, :content, :size, :at, :finished) RETURNING id;

-- name: result_file_show
-- Give a result file its next version.
UPDATE file SET state = :state, content = :content, size = :size, mtime = :at, finished = :finished
WHERE id = :file AND finished IS NULL;

-- name: account_drop_results
-- Delete what is noted of an account's result files.
DELETE FROM result WHERE batch IN (SELECT id FROM batch WHERE account = :account);

-- name: batch_drop_result
-- Delete what is noted of a batch's result file.
DELETE FROM result WHERE batch = :batch;
