-- What does not work.

-- name: aside_add
INSERT INTO aside (slice, reason, in_doubt, at) VALUES (:slice, :reason, :in_doubt, :at) ON CONFLICT DO NOTHING;
-- name: aside_all
SELECT s.id AS slice, s.batch, s.first_row, s.last_row, s.size, a.reason, a.in_doubt, a.at
FROM aside a JOIN slice s ON s.id = a.slice
WHERE CAST(:batch AS BIGINT) IS NULL OR s.batch = :batch ORDER BY s.batch, s.first_row, s.id;
-- name: aside_drop
DELETE FROM aside WHERE slice = :slice;
-- name: slice_put_back
UPDATE slice SET state = {slice.put_back to}, owner = NULL WHERE id = :slice AND state {slice.put_back from};
-- name: worker_drop
DELETE FROM worker_state WHERE owner = :owner;
-- name: worker_add
INSERT INTO worker_state (owner, worker, reason, since) VALUES (:owner, :worker, :reason, :since)
ON CONFLICT (owner, worker) DO UPDATE SET reason = excluded.reason, since = excluded.since;
-- name: worker_all
SELECT worker, reason, since, owner FROM worker_state ORDER BY owner, worker;
