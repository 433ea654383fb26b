-- What is new, for those who watch.

-- name: feed_newest
SELECT coalesce(max(id), 0) AS id FROM outcome;
-- name: feed_outcomes
SELECT id, batch, row, slice FROM outcome WHERE id BETWEEN :first AND :last ORDER BY id LIMIT :limit;
-- name: feed_accepted
SELECT id, finished FROM batch WHERE finished >= :since AND state = 'accepted' ORDER BY finished, id;
-- name: feed_claimed
SELECT id, attempt FROM slice WHERE state = 'claimed' ORDER BY id;
-- name: feed_batch
SELECT * FROM batch WHERE id = :batch;
