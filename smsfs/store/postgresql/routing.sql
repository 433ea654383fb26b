-- Backends, and the slices that may change between them. What PostgreSQL says in its own way.

-- name: slice_move
-- Give queued slices with a chain to another backend.
-- The array is made once; as a list for IN the planner may make it again, of further slices.
UPDATE slice SET backend = :target,
    not_before = CASE WHEN attempt > 0 AND not_before > :now THEN :now ELSE not_before END
WHERE state = 'queued' AND backend = :backend AND chain = :chain AND id = ANY(ARRAY(
    SELECT id FROM slice WHERE state = 'queued' AND backend = :backend AND chain = :chain AND chain <> ''
    ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED));
