-- Processes: who lives, and who does some work alone. What PostgreSQL says in its own way.

-- name: now
-- The database's time.
SELECT CAST(extract(epoch FROM clock_timestamp()) AS DOUBLE PRECISION) AS now;

-- name: owner_add
-- Register a process.
INSERT INTO owner (kind, name, host, version, process, since, until)
SELECT :kind, :name, :host, :version, :process, now, now + :ttl
FROM (SELECT CAST(extract(epoch FROM clock_timestamp()) AS DOUBLE PRECISION) AS now) clock
RETURNING id;

-- name: owner_beat
-- Extend the lease of a process that still has it; whether any has run out, or is longer than one can be.
WITH clock AS (SELECT CAST(extract(epoch FROM clock_timestamp()) AS DOUBLE PRECISION) AS now),
renewed AS (UPDATE owner SET until = clock.now + :ttl FROM clock WHERE id = :owner AND until > clock.now RETURNING id)
SELECT EXISTS (SELECT 1 FROM renewed) AS renewed,
    EXISTS (SELECT 1 FROM owner, clock WHERE until > clock.now + :longest) AS overlong,
    EXISTS (SELECT 1 FROM owner, clock WHERE process <> :own AND until > 0 AND until <= clock.now) AS fallen;

-- name: owner_clamp
-- Shorten leases that a clock which was ahead has made too long.
UPDATE owner SET until = extract(epoch FROM clock_timestamp()) + :longest
WHERE id IN (SELECT id FROM owner WHERE until > extract(epoch FROM clock_timestamp()) + :longest FOR UPDATE SKIP LOCKED);

-- name: owner_ended
-- End the lease of the process of a name.
UPDATE owner SET until = 0 WHERE name = :name;

-- name: owner_end
-- End the lease of a process.
UPDATE owner SET until = 0 WHERE id = :owner;

-- name: owner_alive
-- The processes that count as alive.
SELECT id, kind FROM owner WHERE until > extract(epoch FROM clock_timestamp());

-- name: owner_fallen
-- The processes whose leases have all run out, but for this one's.
-- Those that ended without a word; one that ended well lets its last transactions end as well.
SELECT process, host, max(until) AS until FROM owner WHERE process <> :own GROUP BY process, host
HAVING max(until) > 0 AND max(until) <= extract(epoch FROM clock_timestamp());

-- name: session_end
-- End the sessions of a process in which a transaction goes on that was begun under a lease which has run out.
-- Not what waits for the synchronous standby: its commit would be seen although only one disk has it.
SELECT pg_terminate_backend(a.pid) FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
JOIN pg_roles r ON r.oid = a.usesysid
WHERE l.locktype = 'advisory' AND l.database = a.datid AND a.datname = current_database()
    AND l.objsubid = 2 AND l.classid = :mark AND CAST(l.objid AS BIGINT) = :process
    AND a.wait_event_type IN ('Client', 'Lock') AND a.xact_start <= to_timestamp(:until)
    AND pg_has_role(a.usesysid, 'USAGE') AND (NOT r.rolsuper OR current_setting('is_superuser') = 'on');

-- name: owner_any_dead
-- Whether any process counts as dead.
SELECT EXISTS (SELECT 1 FROM owner WHERE until <= extract(epoch FROM clock_timestamp())) AS dead;

-- name: owner_hosts
-- Every registered process as all hosts see it, and how much it holds.
SELECT o.*, o.until > extract(epoch FROM clock_timestamp()) AS alive,
    (SELECT count(*) FROM slice WHERE owner = o.id AND state = 'claimed')
    + (SELECT count(*) FROM batch WHERE owner = o.id AND state = 'reading')
    + (SELECT count(*) FROM writer WHERE owner = o.id) AS leases
FROM owner o ORDER BY host, kind, id;

-- name: owner_dead
-- The processes that count as dead, past those that another is just settling.
SELECT id, host, kind, until FROM owner WHERE until <= extract(epoch FROM clock_timestamp())
ORDER BY id FOR UPDATE SKIP LOCKED;

-- name: leader_is
-- Check that a process does some work alone, and keep it so until the transaction ends.
SELECT owner FROM leader WHERE what = :what AND owner = :owner FOR SHARE;
