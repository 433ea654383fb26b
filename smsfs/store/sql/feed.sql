-- What is new, for those who watch.

-- name: feed_newest
-- The number of the newest outcome.
SELECT coalesce(max(id), 0) AS id FROM outcome;

-- name: feed_outcomes
-- Outcomes in a range of numbers.
SELECT id, batch, row, slice FROM outcome WHERE id BETWEEN :first AND :last ORDER BY id LIMIT :limit;

-- name: feed_accepted
-- Batches accepted since a time.
SELECT id, finished FROM batch WHERE finished >= :since AND state = 'accepted' ORDER BY finished, id;

-- name: feed_claimed
-- Slices that are with a backend.
SELECT id, attempt FROM slice WHERE state = 'claimed' ORDER BY +id;

-- name: feed_batch
-- One batch.
SELECT * FROM batch WHERE id = :batch;
