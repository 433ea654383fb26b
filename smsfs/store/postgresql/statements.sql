-- What PostgreSQL says in its own way.

-- name: ban_several
SELECT * FROM ban WHERE until > :now
AND address IN (SELECT value FROM json_array_elements_text(CAST(:addresses AS JSON)) AS given (value));
-- name: account_several
SELECT * FROM account
WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST(:accounts AS JSON)) AS given (value));
-- name: batch_forgotten
SELECT CAST(value AS BIGINT) AS id FROM json_array_elements_text(CAST(:ids AS JSON))
WHERE CAST(value AS BIGINT) <= (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM batch_id_seq)
    AND NOT EXISTS (SELECT 1 FROM batch WHERE id = CAST(value AS BIGINT));
-- name: account_lock
SELECT pg_advisory_xact_lock(20266, CAST(:account AS INTEGER)) IS NULL AS locked;
-- name: now
SELECT CAST(extract(epoch FROM clock_timestamp()) AS DOUBLE PRECISION) AS now;

-- name: owner_add
INSERT INTO owner (kind, name, host, version, process, since, until)
SELECT :kind, :name, :host, :version, :process, now, now + :ttl
FROM (SELECT CAST(extract(epoch FROM clock_timestamp()) AS DOUBLE PRECISION) AS now) clock
RETURNING id;
-- name: owner_beat
UPDATE owner SET until = extract(epoch FROM clock_timestamp()) + :ttl
WHERE id = :owner AND until > extract(epoch FROM clock_timestamp());
-- name: owner_clamp
UPDATE owner SET until = extract(epoch FROM clock_timestamp()) + :longest
WHERE id IN (SELECT id FROM owner WHERE until > extract(epoch FROM clock_timestamp()) + :longest FOR UPDATE SKIP LOCKED);
-- name: owner_ended
UPDATE owner SET until = 0 WHERE name = :name;
-- name: owner_end
UPDATE owner SET until = 0 WHERE id = :owner;
-- name: owner_alive
SELECT id, kind FROM owner WHERE until > extract(epoch FROM clock_timestamp());
-- name: owner_fallen
-- Those that ended without a word; one that ended well lets its last transactions end as well.
SELECT process, host, max(until) AS until FROM owner WHERE process <> :own GROUP BY process, host
HAVING max(until) > 0 AND max(until) <= extract(epoch FROM clock_timestamp());
-- name: session_end
-- Not what waits for the synchronous standby: its commit would be seen although only one disk has it.
SELECT pg_terminate_backend(a.pid) FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
JOIN pg_roles r ON r.oid = a.usesysid
WHERE l.locktype = 'advisory' AND l.database = a.datid AND a.datname = current_database()
    AND l.objsubid = 2 AND l.classid = :mark AND CAST(l.objid AS BIGINT) = :process
    AND a.wait_event_type IN ('Client', 'Lock') AND a.xact_start <= to_timestamp(:until)
    AND pg_has_role(a.usesysid, 'USAGE') AND (NOT r.rolsuper OR current_setting('is_superuser') = 'on');
-- name: owner_hosts
SELECT o.*, o.until > extract(epoch FROM clock_timestamp()) AS alive,
    (SELECT count(*) FROM slice WHERE owner = o.id AND state = 'claimed')
    + (SELECT count(*) FROM batch WHERE owner = o.id AND state = 'reading')
    + (SELECT count(*) FROM writer WHERE owner = o.id) AS leases
FROM owner o ORDER BY host, kind, id;
-- name: owner_dead
SELECT id, host, kind, until FROM owner WHERE until <= extract(epoch FROM clock_timestamp())
ORDER BY id FOR UPDATE SKIP LOCKED;
-- name: file_find
SELECT f.*, (SELECT string_agg(CAST(owner AS TEXT), ',') FROM writer WHERE file = f.id) AS writers
FROM file f WHERE account = :account AND folder = :folder AND name = :name;
-- name: file_get
SELECT f.*, (SELECT string_agg(CAST(owner AS TEXT), ',') FROM writer WHERE file = f.id) AS writers FROM file f WHERE id = :file;
-- name: file_listing
SELECT f.*, (SELECT string_agg(CAST(owner AS TEXT), ',') FROM writer WHERE file = f.id) AS writers
FROM file f WHERE account = :account AND folder = :folder AND state <> 'consumed' ORDER BY name;
-- name: file_page
SELECT f.*, (SELECT string_agg(CAST(owner AS TEXT), ',') FROM writer WHERE file = f.id) AS writers
FROM file f WHERE account = :account AND folder = :folder AND name > :after AND state <> 'consumed' ORDER BY name LIMIT :limit;
-- name: file_all
SELECT f.*, (SELECT string_agg(CAST(owner AS TEXT), ',') FROM writer WHERE file = f.id) AS writers
FROM file f WHERE CAST(:account AS BIGINT) IS NULL OR account = :account ORDER BY account, folder, name;
-- name: batch_retry
UPDATE batch SET state = {batch.retry to}, owner = NULL, failures = failures + :failed,
    crashes = crashes * (1 - :failed), not_before = greatest(not_before, :not_before)
WHERE id = :batch AND owner = :owner AND state {batch.retry from};
-- name: batch_next_free
SELECT id FROM batch WHERE state = 'pending' AND lane = :lane AND not_before <= :now
ORDER BY not_before, id LIMIT 1 FOR UPDATE SKIP LOCKED;
-- name: slice_overdue_free
SELECT id FROM slice WHERE state = 'queued' AND expires <= :now
ORDER BY expires, id LIMIT 1 FOR UPDATE SKIP LOCKED;
-- name: batch_is_mine
SELECT id FROM batch WHERE id = :batch AND owner = :owner AND state = 'reading' FOR UPDATE;
-- name: leader_is
SELECT owner FROM leader WHERE what = :what AND owner = :owner FOR SHARE;
-- name: outcome_add
COPY outcome (batch, row, slice, attempt, event, carrier_id, code, reason, parts, at, recipient, done) FROM STDIN;

-- name: writer_hold
SELECT id FROM writer WHERE id = :writer FOR KEY SHARE;
-- name: content_add
INSERT INTO content (id, size, changed) VALUES (:content, 0, extract(epoch FROM clock_timestamp()));
-- name: content_get
SELECT size, changed FROM content WHERE id = :content;
-- name: content_hold
SELECT size, changed FROM content WHERE id = :content FOR UPDATE;
-- name: content_resize
-- Later each time, whatever the clock does: a writer sees by it that a change of its own was lost.
UPDATE content SET size = :size, changed = greatest(changed + 0.00001, extract(epoch FROM clock_timestamp()))
WHERE id = :content RETURNING changed;
-- name: content_drop
DELETE FROM content WHERE id = ANY(:contents);
-- name: content_orphans
SELECT id FROM content c WHERE changed < :older_than AND NOT EXISTS (SELECT 1 FROM file WHERE content = c.id)
ORDER BY id;
-- name: content_missing
SELECT f.*, NULL AS writers FROM file f WHERE NOT EXISTS (SELECT 1 FROM content WHERE id = f.content) ORDER BY id;
-- name: piece_get
SELECT number, data FROM piece WHERE content = :content AND number BETWEEN :first AND :last ORDER BY number;
-- name: piece_put
INSERT INTO piece (content, number, data) VALUES (:content, :number, :data)
ON CONFLICT (content, number) DO UPDATE SET data = excluded.data;
-- name: piece_cut
UPDATE piece SET data = substring(data FROM 1 FOR :size) WHERE content = :content AND number = :number;
-- name: piece_drop
DELETE FROM piece WHERE content = :content AND number >= :first;

-- name: claim_take
-- In order, lest two hosts that claim the same keys wait for each other.
INSERT INTO claim (account, key, batch, until)
SELECT DISTINCT CAST(:account AS BIGINT), value, CAST(:batch AS BIGINT), CAST(:until AS DOUBLE PRECISION)
FROM json_array_elements_text(CAST(:keys AS JSON)) ORDER BY value
ON CONFLICT (account, key) DO UPDATE SET batch = excluded.batch, until = excluded.until
WHERE claim.until <= :now OR claim.batch = excluded.batch;
-- name: claim_others
SELECT c.key, c.batch FROM json_array_elements_text(CAST(:keys AS JSON)) k
JOIN claim c ON c.account = :account AND c.key = k.value WHERE c.batch <> :batch;
