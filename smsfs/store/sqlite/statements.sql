-- What SQLite says in its own way.

-- name: ban_several
SELECT * FROM ban WHERE until > :now AND address IN (SELECT value FROM json_each(:addresses));
-- name: account_several
SELECT * FROM account WHERE id IN (SELECT value FROM json_each(:accounts));
-- name: account_lock
SELECT 1;
-- name: batch_next_free
SELECT id FROM batch WHERE state = 'pending' AND lane = :lane AND not_before <= :now ORDER BY not_before, id LIMIT 1;
-- name: slice_overdue_free
SELECT id FROM slice WHERE state = 'queued' AND expires <= :now ORDER BY expires, id LIMIT 1;
-- name: batch_forgotten
SELECT value AS id FROM json_each(:ids) WHERE value <= (SELECT seq FROM sqlite_sequence WHERE name = 'batch')
    AND NOT EXISTS (SELECT 1 FROM batch WHERE id = value);
-- name: file_find
SELECT f.*, (SELECT group_concat(owner) FROM writer WHERE file = f.id) AS writers
FROM file f WHERE account = :account AND folder = :folder AND name = :name;
-- name: file_get
SELECT f.*, (SELECT group_concat(owner) FROM writer WHERE file = f.id) AS writers FROM file f WHERE id = :file;
-- name: file_listing
SELECT f.*, (SELECT group_concat(owner) FROM writer WHERE file = f.id) AS writers
FROM file f WHERE account = :account AND folder = :folder AND state <> 'consumed' ORDER BY name;
-- name: file_page
SELECT f.*, (SELECT group_concat(owner) FROM writer WHERE file = f.id) AS writers
FROM file f WHERE account = :account AND folder = :folder AND name > :after AND state <> 'consumed' ORDER BY name LIMIT :limit;
-- name: file_all
SELECT f.*, (SELECT group_concat(owner) FROM writer WHERE file = f.id) AS writers
FROM file f WHERE CAST(:account AS BIGINT) IS NULL OR account = :account ORDER BY account, folder, name;
-- name: batch_retry
UPDATE batch SET state = {batch.retry to}, owner = NULL, failures = failures + :failed,
    crashes = crashes * (1 - :failed), not_before = max(not_before, :not_before)
WHERE id = :batch AND owner = :owner AND state {batch.retry from};
-- name: owner_add
INSERT INTO owner (token, kind, since) VALUES (:token, :kind, :now) RETURNING id;
-- name: owner_all
SELECT id, kind, token FROM owner;
-- name: batch_is_mine
SELECT id FROM batch WHERE id = :batch AND owner = :owner AND state = 'reading';
-- name: file_contents
SELECT content FROM file;
-- name: outcome_add
INSERT INTO outcome (batch, row, slice, attempt, event, carrier_id, code, reason, parts, at, recipient, done)
VALUES (:batch, :row, :slice, :attempt, :event, :carrier_id, :code, :reason, :parts, :at, :recipient, :done);
-- name: owner_leases
SELECT o.*, (SELECT count(*) FROM slice WHERE owner = o.id AND state = 'claimed')
    + (SELECT count(*) FROM batch WHERE owner = o.id AND state = 'reading')
    + (SELECT count(*) FROM writer WHERE owner = o.id) AS leases
FROM owner o ORDER BY id;
-- name: claim_take
INSERT INTO claim (account, key, batch, until)
SELECT :account, value, :batch, :until FROM json_each(:keys) WHERE TRUE
ON CONFLICT (account, key) DO UPDATE SET batch = excluded.batch, until = excluded.until
WHERE claim.until <= :now OR claim.batch = excluded.batch;
-- name: claim_others
SELECT c.key, c.batch FROM json_each(:keys) k JOIN claim c ON c.account = :account AND c.key = k.value
WHERE c.batch <> :batch;
-- name: daily_batches
-- Left to itself, SQLite reads every outcome of every batch.
SELECT * FROM batch WHERE account = :account AND id IN (
    SELECT batch FROM outcome INDEXED BY outcome_at WHERE at >= :since AND at < :until) ORDER BY id;
