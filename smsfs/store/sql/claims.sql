-- What a batch keeps others from using for a while. Keys come as a JSON array, each engine reads it its own way.

-- name: claim_release
DELETE FROM claim WHERE batch = :batch;
-- name: claim_expire
DELETE FROM claim WHERE (account, key) IN (
    SELECT account, key FROM claim WHERE until < :now ORDER BY until LIMIT :limit);
