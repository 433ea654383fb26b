-- Slices: messages on the way out, and what became of them. What SQLite says in its own way.

-- name: slice_overdue_free
-- The queued slice whose time has been over for longest.
SELECT id FROM slice WHERE state = 'queued' AND expires <= :now ORDER BY expires, id LIMIT 1;

-- name: outcome_add
-- Append what became of messages.
INSERT INTO outcome (batch, row, slice, attempt, event, carrier_id, code, reason, parts, at, recipient, done, price)
VALUES (:batch, :row, :slice, :attempt, :event, :carrier_id, :code, :reason, :parts, :at, :recipient, :done, :price);
