-- name: slice_move
UPDATE slice SET backend = :target,
    not_before = CASE WHEN attempt > 0 AND not_before > :now THEN :now ELSE not_before END
WHERE state = 'queued' AND backend = :backend AND chain = :chain AND id IN (
    SELECT id FROM slice WHERE state = 'queued' AND backend = :backend AND chain = :chain AND chain <> ''
    ORDER BY id LIMIT :limit);
