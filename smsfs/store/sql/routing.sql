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

-- name: backend_credit_note
-- Note the credit that is left with a carrier.
INSERT INTO backend_credit (backend, credit, at, low, mailed) VALUES (:backend, :credit, :at, :low, :mailed)
ON CONFLICT (backend) DO UPDATE
SET credit = excluded.credit, at = excluded.at, low = excluded.low, mailed = excluded.mailed;

-- name: backend_credits
-- The credit that is left with carriers, as it was noted last.
SELECT backend, credit, at, low, mailed FROM backend_credit ORDER BY backend;

-- name: slice_movable
-- The backends and chains that queued slices have.
-- From one pair to the next, and never along all that is queued.
WITH RECURSIVE each (id) AS (
    SELECT (SELECT id FROM slice WHERE state = 'queued' AND chain <> '' AND backend >= ''
        ORDER BY backend, chain LIMIT 1)
    UNION ALL
    SELECT (SELECT s.id FROM slice s WHERE s.state = 'queued' AND s.chain <> ''
                AND (s.backend, s.chain) > (p.backend, p.chain) ORDER BY s.backend, s.chain LIMIT 1)
    FROM each JOIN slice p ON p.id = each.id)
SELECT s.backend, s.chain FROM each JOIN slice s ON s.id = each.id;

-- name: backend_pause
-- Pause a backend, or note who paused it last.
INSERT INTO backend_pause (backend, mode, who, reason, at) VALUES (:backend, :mode, :who, :reason, :at)
ON CONFLICT (backend) DO UPDATE SET mode = excluded.mode, who = excluded.who, reason = excluded.reason, at = excluded.at;

-- name: backend_resume
-- Let messages go to a backend again.
DELETE FROM backend_pause WHERE backend = :backend;

-- name: backend_pauses
-- The backends that are paused.
SELECT backend, mode, who, reason, at FROM backend_pause ORDER BY backend;
