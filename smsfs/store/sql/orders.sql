-- What operators ordered about messages.

-- name: order_add
-- Give an order.
INSERT INTO orders (batch, action, first_row, last_row, recipient, at, audit)
VALUES (:batch, :action, :first_row, :last_row, :recipient, :at, :audit);

-- name: order_any
-- Whether there are orders about a batch.
SELECT id FROM orders WHERE batch = :batch LIMIT 1;

-- name: order_apply
-- Stop the slices of a batch that orders may concern which came after they were sorted.
-- All of them, or those that were added since one. As a range, so that no planner takes the numbers for the way in.
UPDATE slice SET state = {slice.stop to}
WHERE batch = :batch AND state <> 'done' AND state {slice.stop from} AND +id >= :since
    AND EXISTS (SELECT 1 FROM orders o WHERE o.batch = slice.batch AND o.id > slice.orders
        AND o.first_row <= slice.last_row AND o.last_row >= slice.first_row);

-- name: order_newest
-- The number of the newest order.
SELECT coalesce(max(id), 0) AS id FROM orders;

-- name: order_since
-- The orders behind one.
SELECT * FROM orders WHERE id > :after ORDER BY id;

-- name: order_of_batch
-- The orders about a batch.
SELECT * FROM orders WHERE batch = :batch ORDER BY id;

-- name: order_seen
-- Note that a dispatcher has carried out all orders up to one.
UPDATE owner SET orders = :order WHERE id = :owner;

-- name: order_holdings
-- The claimed slices of a batch, and what those who have them know.
SELECT s.id AS slice, s.owner, s.attempt, s.first_row, s.last_row, o.orders AS seen
FROM slice s LEFT JOIN owner o ON o.id = s.owner
WHERE s.batch = :batch AND s.state <> 'done' AND s.state = 'claimed' ORDER BY +s.id;

-- name: order_stopped
-- Some slices that are to be sorted, of one batch or of any.
SELECT id FROM slice WHERE state = 'stopped' AND (CAST(:batch AS BIGINT) IS NULL OR batch = :batch)
ORDER BY id LIMIT :limit;

-- name: order_held
-- The batches with messages that are held, or are to be sorted.
SELECT batch FROM slice WHERE state = 'held' UNION SELECT batch FROM slice WHERE state = 'stopped';

-- name: slice_hold
-- Hold all of a stopped slice.
UPDATE slice SET state = {slice.hold to}, orders = :upto, owner = NULL WHERE id = :slice AND state {slice.hold from};

-- name: slice_let_go
-- Let all of a stopped slice wait to be sent.
UPDATE slice SET state = {slice.let_go to}, orders = :upto, owner = NULL WHERE id = :slice AND state {slice.let_go from};

-- name: slice_split
-- End a stopped slice: what is left of it is in others.
UPDATE slice SET state = {slice.split to}, orders = :upto WHERE id = :slice AND state {slice.split from};
