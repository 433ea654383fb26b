-- Backends, and the slices that may change between them.

-- name: backend_report
-- Note how a backend fares, as one process sees it.
INSERT INTO backend_state (owner, backend, state, reason, since, at)
VALUES (:owner, :backend, :state, :reason, :since, :at)
ON CONFLICT (owner, backend) DO UPDATE
SET state = excluded.state, reason = excluded.reason, since = excluded.since, at = excluded.at;

-- name: backend_states
-- How backends fare, as each process said last.
SELECT owner, backend, state, reason, since, at FROM backend_state ORDER BY backend, owner;

-- name: slice_movable
-- The backends and chains that queued slices have.
SELECT DISTINCT backend, chain FROM slice WHERE state = 'queued' AND chain <> '';
