-- What does not work.

-- name: aside_add
-- Set a slice aside.
INSERT INTO aside (slice, reason, in_doubt, at) VALUES (:slice, :reason, :in_doubt, :at) ON CONFLICT DO NOTHING;

-- name: aside_all
-- The slices that were set aside, of one batch or of all.
-- They are few: CROSS has SQLite begin with them, and not with all slices.
SELECT s.id AS slice, s.batch, s.first_row, s.last_row, s.size, a.reason, a.in_doubt, a.at
FROM aside a CROSS JOIN slice s
WHERE s.id = a.slice AND (CAST(:batch AS BIGINT) IS NULL OR s.batch = :batch) ORDER BY s.batch, s.first_row, s.id;

-- name: aside_drop
-- No longer set a slice aside.
DELETE FROM aside WHERE slice = :slice;

-- name: slice_put_back
-- Queue a slice again that was set aside.
UPDATE slice SET state = {slice.put_back to}, owner = NULL WHERE id = :slice AND state {slice.put_back from};

-- name: worker_drop
-- Forget what a process said of the processes that it starts.
DELETE FROM worker_state WHERE owner = :owner;

-- name: worker_add
-- Note that a process does not stay up.
INSERT INTO worker_state (owner, worker, reason, since) VALUES (:owner, :worker, :reason, :since)
ON CONFLICT (owner, worker) DO UPDATE SET reason = excluded.reason, since = excluded.since;

-- name: worker_all
-- The processes that do not stay up.
SELECT worker, reason, since, owner FROM worker_state ORDER BY owner, worker;
