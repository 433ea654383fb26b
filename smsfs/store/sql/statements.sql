-- Statements that every engine understands, by name. Times are seconds since the epoch.

-- name: account_add
INSERT INTO account (name, dialect, settings, created, parent)
VALUES (:name, :dialect, :settings, :now, :parent) RETURNING *;
-- name: account_find
SELECT * FROM account WHERE name = :name;
-- name: account_get
SELECT * FROM account WHERE id = :account;
-- name: account_all
SELECT * FROM account ORDER BY name;
-- name: account_update
UPDATE account SET settings = :settings WHERE id = :account;
-- name: account_password
UPDATE account SET password = :password WHERE id = :account;
-- name: account_disabled
UPDATE account SET disabled = :disabled WHERE id = :account;
-- name: account_close
UPDATE account SET closings = closings + 1 WHERE id = :account OR parent = :account;
-- name: account_reset
UPDATE account SET resets = resets + 1 WHERE id = :account;
-- name: account_family
SELECT id FROM account WHERE id = :account OR parent = :account ORDER BY id;
-- name: account_credits
SELECT amount FROM credit WHERE account = :account;
-- name: account_set_credits
INSERT INTO credit VALUES (:account, :amount) ON CONFLICT (account) DO UPDATE SET amount = excluded.amount;
-- name: account_drop_credits
DELETE FROM credit WHERE account = :account;
-- name: account_busy
SELECT EXISTS (SELECT 1 FROM file f WHERE account = :account AND state = 'processing'
               AND NOT EXISTS (SELECT 1 FROM result WHERE file = f.id))
    OR EXISTS (SELECT 1 FROM batch b JOIN slice s ON s.batch = b.id
               WHERE b.account = :account AND s.state <> 'done') AS busy,
    EXISTS (SELECT 1 FROM account WHERE parent = :account) AS connectors;
-- name: account_contents
SELECT content FROM file WHERE account = :account;
-- name: account_drop_outcomes
DELETE FROM outcome WHERE batch IN (SELECT id FROM batch WHERE account = :account);
-- name: account_drop_slices
DELETE FROM slice WHERE batch IN (SELECT id FROM batch WHERE account = :account);
-- name: account_drop_batches
DELETE FROM batch WHERE account = :account;
-- name: account_drop_files
DELETE FROM file WHERE account = :account;
-- name: account_drop
DELETE FROM account WHERE id = :account;
-- name: key_all
SELECT line FROM account_key WHERE account = :account ORDER BY line;
-- name: key_add
INSERT INTO account_key VALUES (:account, :line) ON CONFLICT DO NOTHING;
-- name: key_drop
DELETE FROM account_key WHERE account = :account AND line = :line;
-- name: host_key_all
SELECT kind, private FROM host_key;
-- name: host_key_add
INSERT INTO host_key VALUES (:kind, :private) ON CONFLICT DO NOTHING;

-- name: owner_cut_files
UPDATE file SET cut = (SELECT max(id) FROM writer) WHERE id IN (SELECT file FROM writer WHERE owner = :owner);
-- name: owner_touch
UPDATE owner SET kind = kind WHERE id = :owner;
-- name: owner_drop_writers
DELETE FROM writer WHERE owner = :owner;
-- name: owner_drop_staged
DELETE FROM slice WHERE state = 'staged' AND batch IN (SELECT id FROM batch WHERE owner = :owner AND state = 'reading');
-- name: owner_release_batches
UPDATE batch SET state = {batch.abandon to}, owner = NULL WHERE owner = :owner AND state {batch.abandon from};
-- name: owner_drop
DELETE FROM owner WHERE id = :owner AND NOT EXISTS (SELECT 1 FROM slice WHERE owner = :owner AND state = 'claimed');

-- name: file_add
INSERT INTO file (account, folder, name, state, content, size, mtime)
VALUES (:account, :folder, :name, {file.create new}, :content, 0, :mtime) RETURNING *, NULL AS writers;
-- name: file_renew
UPDATE file SET content = :content, size = 0, mtime = :mtime, cut = 0 WHERE id = :file RETURNING *, NULL AS writers;
-- name: file_move
UPDATE file SET folder = :folder, name = :name WHERE id = :file;
-- name: file_drop
DELETE FROM file WHERE id = :file;
-- name: file_resize
UPDATE file SET size = :size, mtime = :mtime WHERE id = :file;
-- name: file_times
UPDATE file SET mtime = :mtime WHERE id = :file;
-- name: file_reopen
UPDATE file SET state = {file.reopen to}, folder = :folder, name = :name, tail = :empty, finished = NULL
WHERE id = :file AND state {file.reopen from};
-- name: file_submit
UPDATE file SET state = {file.submit to}, folder = :folder, name = :name, tail = :empty, finished = NULL
WHERE id = :file AND state {file.submit from};
-- name: file_usage
SELECT files, bytes FROM usage WHERE account = :account;
-- name: file_expire
DELETE FROM file WHERE id IN (
    SELECT id FROM file WHERE account = :account AND finished < :before AND state <> 'draft' AND state <> 'processing'
    ORDER BY finished LIMIT :limit)
RETURNING content;
-- name: writer_add
INSERT INTO writer (file, owner) VALUES (:file, :owner) RETURNING id;
-- name: writer_file
SELECT file FROM writer WHERE id = :writer;
-- name: writer_drop_all
DELETE FROM writer WHERE file = :file;
-- name: writer_drop
DELETE FROM writer WHERE id = :writer;
-- name: file_uncut
UPDATE file SET cut = 0 WHERE id = :file AND cut < :writer;
-- name: file_cut
UPDATE file SET cut = (SELECT max(id) FROM writer) WHERE id = :file;
-- name: alias_find
SELECT f.*, NULL AS writers FROM alias a JOIN file f ON f.id = a.file
WHERE a.account = :account AND a.path = :path AND a.until > :now AND f.state <> 'draft';
-- name: alias_add
INSERT INTO alias (account, path, file, until) VALUES (:account, :path, :file, :until)
ON CONFLICT (account, path) DO UPDATE SET file = excluded.file, until = excluded.until;

-- name: batch_add
INSERT INTO batch (account, file, path, stem, flags, state, submitted, not_before, lane)
VALUES (:account, :file, :path, :stem, :flags, {batch.submit new}, :at, :now,
    (SELECT 2 * coalesce(parent, id) FROM account WHERE id = :account)
    + (SELECT CASE WHEN size > :large_bytes THEN 1 ELSE 0 END FROM file WHERE id = :file)) RETURNING id;
-- name: batch_lanes
-- From one lane to the next, and never along all the files in it.
WITH RECURSIVE each (lane) AS (
    SELECT min(lane) FROM batch WHERE state = 'pending'
    UNION ALL
    SELECT (SELECT min(lane) FROM batch WHERE state = 'pending' AND lane > each.lane) FROM each WHERE lane IS NOT NULL)
SELECT lane, (SELECT min(not_before) FROM batch WHERE state = 'pending' AND lane = each.lane) AS time
FROM each WHERE lane IS NOT NULL;
-- name: batch_crashed
UPDATE batch SET failures = failures + CASE WHEN :surely = 1 OR crashes > 0 THEN 1 ELSE 0 END,
    not_before = CASE WHEN (:surely = 1 OR crashes > 0) AND not_before < :retry_at THEN :retry_at ELSE not_before END,
    crashes = CASE WHEN :surely = 1 OR crashes > 0 THEN 0 ELSE 1 END
WHERE id = :batch AND state IN ('pending', 'reading');
-- name: batch_claim
UPDATE batch SET state = {batch.claim to}, owner = :owner WHERE id = :batch AND state {batch.claim from} RETURNING *;
-- name: batch_drop_staged
DELETE FROM slice WHERE batch = :batch AND state = 'staged';
-- name: batch_verdict
-- Of a file that is out of sight, the name is told that its client gave it.
UPDATE batch SET state = :state, path = CASE WHEN :hidden THEN stem ELSE :path END, messages = :messages, digest = :digest, causes = :causes,
    cause_count = :cause_count, finished = :at
WHERE id = :batch AND owner = :owner AND state = 'reading';
-- name: batch_queue_slices
UPDATE slice SET state = CASE WHEN backend = '' THEN {slice.refuse to} ELSE {slice.queue to} END
WHERE batch = :batch AND state {slice.queue from};
-- name: batch_file
UPDATE file SET state = :state, folder = :folder, name = :name, size = :size, tail = :tail, finished = :at
WHERE id = (SELECT file FROM batch WHERE id = :batch) AND state = 'processing';
-- name: batch_charge
UPDATE credit SET amount = amount - :cost
WHERE account = (SELECT coalesce(a.parent, a.id) FROM account a JOIN batch b ON b.account = a.id WHERE b.id = :batch)
    AND amount >= :cost;
-- name: batch_credit
SELECT amount FROM credit
WHERE account = (SELECT coalesce(a.parent, a.id) FROM account a JOIN batch b ON b.account = a.id WHERE b.id = :batch);
-- name: batch_stray
-- A draft of which nothing comes by itself is told of like a rejected file, and stays what it is.
INSERT INTO batch (account, file, path, stem, flags, state, submitted, not_before, causes, cause_count, finished)
SELECT account, id, :path, :stem, '[]', {batch.note new}, :at, :at, :causes, 1, :at FROM file f
WHERE id = :file AND state = 'draft' AND folder = :folder AND name = :name AND mtime = :mtime
    AND NOT EXISTS (SELECT 1 FROM writer w WHERE w.file = f.id)
RETURNING id;
-- name: file_strays
SELECT f.*, NULL AS writers FROM account a JOIN file f ON f.account = a.id
WHERE a.dialect = :dialect AND f.state = 'draft' AND f.id > :after
    AND NOT EXISTS (SELECT 1 FROM writer w WHERE w.file = f.id)
    AND NOT EXISTS (SELECT 1 FROM batch b WHERE b.file = f.id
        AND b.path = CASE f.folder WHEN '' THEN f.name ELSE f.folder || '/' || f.name END)
ORDER BY f.id LIMIT :limit;
-- name: batch_report
INSERT INTO file (account, folder, name, state, content, size, mtime, finished)
SELECT account, :folder, :name, {file.report new}, :content, :size, :at, :at FROM batch WHERE id = :batch;
-- name: batch_twin
SELECT * FROM batch WHERE account = :account AND stem = :stem AND digest = :digest AND state = 'accepted'
    AND submitted >= :since AND id < :batch ORDER BY id DESC LIMIT 1;
-- name: batch_all
SELECT b.* FROM batch b
WHERE (CAST(:account AS BIGINT) IS NULL OR b.account = :account)
    AND (CAST(:name AS TEXT) IS NULL OR b.path = :name OR replace(:name, b.stem, '') <> :name) AND b.id > :after
ORDER BY b.id LIMIT 200;
-- name: batch_expired
SELECT id FROM batch b WHERE account = :account AND finished < :before
    AND NOT EXISTS (SELECT 1 FROM slice s WHERE s.batch = b.id AND s.state <> 'done')
    AND NOT EXISTS (SELECT 1 FROM file f WHERE f.id = b.file AND f.state = 'processing')
    AND NOT EXISTS (SELECT 1 FROM result r WHERE r.batch = b.id AND r.final = 0) LIMIT :limit;
-- name: batch_drop_outcomes
DELETE FROM outcome WHERE batch = :batch;
-- name: batch_drop_slices
DELETE FROM slice WHERE batch = :batch;
-- name: batch_drop
DELETE FROM batch WHERE id = :batch;

-- name: slice_add
INSERT INTO slice (batch, seq, first_row, last_row, size, again, state, backend, chain, not_before, expires, attempt,
    principal)
VALUES (:batch, :seq, :first_row, :last_row, :size, :again, :state, :backend, :chain, :not_before, :expires, :attempt,
    (SELECT lane / 2 FROM batch WHERE id = :batch))
RETURNING id;
-- name: payload_add
INSERT INTO payload VALUES (:slice, :messages);
-- name: slice_overdue
SELECT id FROM slice WHERE state = 'queued' AND expires <= :now LIMIT 1;
-- name: slice_claim
UPDATE slice SET state = {slice.claim to}, owner = :owner, attempt = attempt + 1
WHERE id = :slice AND state {slice.claim from};
-- name: slice_full
SELECT s.*, b.path, b.submitted, a.name AS account, p.messages
FROM slice s JOIN batch b ON b.id = s.batch JOIN account a ON a.id = b.account LEFT JOIN payload p ON p.slice = s.id
WHERE s.id = :slice;
-- name: slice_release
UPDATE slice SET state = {slice.release to}, owner = NULL, attempt = attempt - 1
WHERE id = :slice AND owner = :owner AND attempt = :attempt AND state {slice.release from};
-- name: slice_report
UPDATE slice SET state = CASE WHEN :done THEN {slice.finish to} ELSE state END
WHERE id = :slice AND owner = :owner AND attempt = :attempt AND state {slice.finish from};
-- name: slice_claimed
SELECT id, owner FROM slice WHERE state = 'claimed' ORDER BY id;
-- name: slice_take_over
UPDATE slice SET owner = :owner WHERE id = :slice AND owner = :dead AND attempt = :attempt AND state = 'claimed';
-- name: slice_of_batch
SELECT id FROM slice WHERE batch = :batch AND state <> 'staged' ORDER BY id;
-- name: slice_backlog
SELECT backend, CAST(sum(size) AS BIGINT) AS messages FROM slice WHERE state IN ('queued', 'claimed') GROUP BY backend;
-- name: outcome_of_rows
SELECT * FROM outcome WHERE batch = :batch AND row BETWEEN :first_row AND :last_row ORDER BY id;
-- name: outcome_of_attempt
SELECT DISTINCT row FROM outcome
WHERE batch = :batch AND row BETWEEN :first_row AND :last_row AND slice = :slice AND attempt = :attempt;
