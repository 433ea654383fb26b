-- Batches: submitted files, and how reading them ends.

-- name: batch_add
-- Add a batch for a file that was submitted.
INSERT INTO batch (account, file, path, stem, flags, state, submitted, not_before, lane)
VALUES (:account, :file, :path, :stem, :flags, {batch.submit new}, :at, :now,
    (SELECT 2 * coalesce(parent, id) FROM account WHERE id = :account)
    + (SELECT CASE WHEN size > :large_bytes THEN 1 ELSE 0 END FROM file WHERE id = :file)) RETURNING id;

-- name: batch_lanes
-- The lanes in which files wait to be read, and when the first of each is due.
-- From one lane to the next, and never along all the files in it.
WITH RECURSIVE each (lane) AS (
    SELECT min(lane) FROM batch WHERE state = 'pending'
    UNION ALL
    SELECT (SELECT min(lane) FROM batch WHERE state = 'pending' AND lane > each.lane) FROM each WHERE lane IS NOT NULL)
SELECT lane, (SELECT min(not_before) FROM batch WHERE state = 'pending' AND lane = each.lane) AS time
FROM each WHERE lane IS NOT NULL;

-- name: batch_crashed
-- Note that a reader died at a file; the second time in a row counts as a failure.
UPDATE batch SET failures = failures + CASE WHEN :surely = 1 OR crashes > 0 THEN 1 ELSE 0 END,
    not_before = CASE WHEN (:surely = 1 OR crashes > 0) AND not_before < :retry_at THEN :retry_at ELSE not_before END,
    crashes = CASE WHEN :surely = 1 OR crashes > 0 THEN 0 ELSE 1 END
WHERE id = :batch AND state IN ('pending', 'reading');

-- name: batch_claim
-- Take a file to read.
UPDATE batch SET state = {batch.claim to}, owner = :owner WHERE id = :batch AND state {batch.claim from} RETURNING *;

-- name: batch_drop_staged
-- Delete the messages that reading a file has staged.
DELETE FROM slice WHERE batch = :batch AND state = 'staged';

-- name: batch_verdict
-- Note how reading a file ended.
-- A file that is out of sight is listed under the name that its client gave it.
UPDATE batch SET state = :state, path = CASE WHEN :hidden THEN stem ELSE :path END, messages = :messages, digest = :digest, causes = :causes,
    cause_count = :cause_count, finished = :at
WHERE id = :batch AND owner = :owner AND state = 'reading';

-- name: batch_queue_slices
-- Queue the messages of an accepted batch; those that are never sent are done.
UPDATE slice SET state = CASE WHEN backend = '' THEN {slice.refuse to} ELSE {slice.queue to} END
WHERE batch = :batch AND state {slice.queue from};

-- name: batch_file
-- Give a file the state, path and tail that its verdict says.
UPDATE file SET state = :state, folder = :folder, name = :name, size = :size, tail = :tail, finished = :at
WHERE id = (SELECT file FROM batch WHERE id = :batch) AND state = 'processing';

-- name: batch_charge
-- Charge an account for a batch, if its credit suffices.
UPDATE credit SET amount = amount - :cost
WHERE account = (SELECT coalesce(a.parent, a.id) FROM account a JOIN batch b ON b.account = a.id WHERE b.id = :batch)
    AND amount >= :cost;

-- name: batch_credit
-- The credit of the account of a batch.
SELECT amount FROM credit
WHERE account = (SELECT coalesce(a.parent, a.id) FROM account a JOIN batch b ON b.account = a.id WHERE b.id = :batch);

-- name: batch_stray
-- Note a rejected batch for a draft that was never read, if the draft has not changed.
-- Such a draft is reported like a rejected file, and stays a draft.
INSERT INTO batch (account, file, path, stem, flags, state, submitted, not_before, causes, cause_count, finished)
SELECT account, id, :path, :stem, '[]', {batch.note new}, :at, :at, :causes, 1, :at FROM file f
WHERE id = :file AND state = 'draft' AND folder = :folder AND name = :name AND mtime = :mtime
    AND NOT EXISTS (SELECT 1 FROM writer w WHERE w.file = f.id)
RETURNING id;

-- name: batch_report
-- Add a file that smsfs writes beside a client's.
INSERT INTO file (account, folder, name, state, content, size, mtime, finished)
SELECT account, :folder, :name, {file.report new}, :content, :size, :at, :at FROM batch WHERE id = :batch;

-- name: batch_twin
-- The newest earlier batch of the same file name and bytes that was accepted.
SELECT * FROM batch WHERE account = :account AND stem = :stem AND digest = :digest AND state = 'accepted'
    AND submitted >= :since AND id < :batch ORDER BY id DESC LIMIT 1;

-- name: batch_all
-- One page of batches, of an account or a file name if they are given.
SELECT b.* FROM batch b
WHERE (CAST(:account AS BIGINT) IS NULL OR b.account = :account)
    AND (CAST(:name AS TEXT) IS NULL OR b.path = :name OR replace(:name, b.stem, '') <> :name) AND b.id > :after
ORDER BY b.id LIMIT 200;

-- name: batch_expired
-- Finished batches that are too old, with nothing on its way.
SELECT id FROM batch b WHERE account = :account AND finished < :before
    AND NOT EXISTS (SELECT 1 FROM slice s WHERE s.batch = b.id AND s.state <> 'done')
    AND NOT EXISTS (SELECT 1 FROM file f WHERE f.id = b.file AND f.state = 'processing')
    AND NOT EXISTS (SELECT 1 FROM result r WHERE r.batch = b.id AND r.final = 0) LIMIT :limit;

-- name: batch_drop_outcomes
-- Delete the outcomes of a batch's messages.
DELETE FROM outcome WHERE batch = :batch;

-- name: batch_outcomes
-- The numbers of some outcomes of a batch's messages.
SELECT id FROM outcome WHERE batch = :batch LIMIT :limit;

-- name: batch_fade
-- Note that the messages of a batch are being deleted.
UPDATE batch SET messages = 0 WHERE id = :batch;

-- name: batch_drop_slices
-- Delete some of a batch's messages.
DELETE FROM slice WHERE id IN (SELECT id FROM slice WHERE batch = :batch LIMIT :some);

-- name: batch_drop
-- Delete a batch.
DELETE FROM batch WHERE id = :batch;
