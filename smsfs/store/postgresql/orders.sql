-- What operators ordered about messages. What PostgreSQL says in its own way.

-- name: order_turn
-- Let orders have numbers in the order of their commits.
SELECT pg_advisory_xact_lock(hashtext('smsfs orders'));

-- name: order_batch
-- Check that there is a batch, and keep all others from adding slices to it or taking any from it.
SELECT id FROM batch WHERE id = :batch FOR UPDATE;

-- name: order_wait
-- Let no order about a batch be given until the transaction ends.
SELECT id FROM batch WHERE id = :batch FOR KEY SHARE;

-- name: slice_batch
-- The batch of a slice, about which no order is given until the transaction ends.
SELECT b.id FROM batch b WHERE b.id = (SELECT batch FROM slice WHERE id = :slice) FOR KEY SHARE;
