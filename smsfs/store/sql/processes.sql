-- Processes: who lives, and who does some work alone.

-- name: leader_get
-- Who does some work alone.
SELECT owner FROM leader WHERE what = :what;

-- name: leader_add
-- Take some work that nobody does.
INSERT INTO leader (what, owner) VALUES (:what, :owner) ON CONFLICT DO NOTHING;

-- name: leader_take_over
-- Take some work from a dead process.
UPDATE leader SET owner = :owner WHERE what = :what AND owner = :dead;

-- name: leader_is
-- Check that a process does some work alone, and keep it so until the transaction ends.
SELECT owner FROM leader WHERE what = :what AND owner = :owner;

-- name: owner_cut_files
-- Mark the files that a dead process was writing as cut, but for those that it had in whole.
UPDATE file SET cut = (SELECT max(id) FROM writer)
WHERE id IN (SELECT file FROM writer WHERE owner = :owner AND sealed = 0);

-- name: owner_touch
-- Commit a change that alters nothing.
UPDATE owner SET kind = kind WHERE id = :owner;

-- name: owner_drop_writers
-- Forget the writers of a dead process.
DELETE FROM writer WHERE owner = :owner;

-- name: owner_drop_staged
-- Delete what a dead process had staged.
DELETE FROM slice WHERE state = 'staged' AND batch IN (SELECT id FROM batch WHERE owner = :owner AND state = 'reading');

-- name: owner_release_batches
-- Let others read the files that a dead process was reading.
UPDATE batch SET state = {batch.abandon to}, owner = NULL WHERE owner = :owner AND state {batch.abandon from};

-- name: owner_drop
-- Delete a dead process that holds no slice any more.
DELETE FROM owner WHERE id = :owner AND NOT EXISTS (SELECT 1 FROM slice WHERE owner = :owner AND state = 'claimed');
