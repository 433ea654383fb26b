-- Processes: who lives, and who does some work alone. What SQLite says in its own way.

-- name: owner_add
-- Register a process.
INSERT INTO owner (token, kind, since) VALUES (:token, :kind, :now) RETURNING id;

-- name: owner_all
-- Every registered process, with the token of its lock.
SELECT id, kind, token FROM owner;

-- name: owner_leases
-- Every registered process, and how much it holds.
SELECT o.*, (SELECT count(*) FROM slice WHERE owner = o.id AND state = 'claimed')
    + (SELECT count(*) FROM batch WHERE owner = o.id AND state = 'reading')
    + (SELECT count(*) FROM writer WHERE owner = o.id) AS leases
FROM owner o ORDER BY id;
