-- Backends, and the slices that may change between them. What SQLite says in its own way.

-- name: slice_move
-- Give queued slices with a chain to another backend.
UPDATE slice SET backend = :target,
    not_before = CASE WHEN attempt > 0 AND not_before > :now THEN :now ELSE not_before END
WHERE state = 'queued' AND backend = :backend AND chain = :chain AND id IN (
    SELECT id FROM slice WHERE state = 'queued' AND backend = :backend AND chain = :chain AND chain <> ''
    ORDER BY id LIMIT :limit);
