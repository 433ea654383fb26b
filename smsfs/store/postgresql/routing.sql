-- name: slice_move
-- The array is made once; as a list for IN the planner may make it again, of further slices.
UPDATE slice SET backend = :target,
    not_before = CASE WHEN attempt > 0 AND not_before > :now THEN :now ELSE not_before END
WHERE state = 'queued' AND backend = :backend AND chain = :chain AND id = ANY(ARRAY(
    SELECT id FROM slice WHERE state = 'queued' AND backend = :backend AND chain = :chain AND chain <> ''
    ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED));
