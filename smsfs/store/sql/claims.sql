-- What a batch keeps others from using for a while. Keys come as a JSON array, each engine reads it its own way.

-- name: claim_release
DELETE FROM claim WHERE batch = :batch;
-- name: claim_drop
DELETE FROM claim WHERE account = :account AND key = :key AND batch = :batch;
-- name: claim_free
DELETE FROM claim WHERE account = (SELECT account FROM batch WHERE id = :batch) AND key = :key AND batch = :batch
    AND NOT EXISTS (SELECT 1 FROM outcome o
        WHERE o.batch = :batch AND o.row = :row AND o.event IN ('accepted', 'no_answer'));
-- name: claim_expire
DELETE FROM claim WHERE (account, key) IN (
    SELECT account, key FROM claim WHERE until < :now ORDER BY until LIMIT :limit);
