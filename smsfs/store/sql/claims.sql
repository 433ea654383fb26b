-- What a batch keeps others from using for a while. Keys come as a JSON array, which each engine reads in its own way.

-- name: claim_release
-- Free all that a batch has claimed.
DELETE FROM claim WHERE batch = :batch;

-- name: claim_drop
-- Free a key that a batch has claimed.
DELETE FROM claim WHERE account = :account AND key = :key AND batch = :batch;

-- name: claim_free
-- Free a key of a row that was given up, unless a carrier has its message, or may have it.
DELETE FROM claim WHERE account = (SELECT account FROM batch WHERE id = :batch) AND key = :key AND batch = :batch
    AND NOT EXISTS (SELECT 1 FROM outcome o
        WHERE o.batch = :batch AND o.row = :row AND o.event IN ('accepted', 'no_answer'));

-- name: claim_expire
-- Delete expired claims.
DELETE FROM claim WHERE (account, key) IN (
    SELECT account, key FROM claim WHERE until < :now ORDER BY until LIMIT :limit);
