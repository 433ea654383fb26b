-- What a batch keeps others from using for a while. Keys come as a JSON array, which each engine reads in its own way. What SQLite says in its own way.

-- name: claim_take
-- Claim keys that are free, expired, or the batch's own.
INSERT INTO claim (account, key, batch, until)
SELECT :account, value, :batch, :until FROM json_each(:keys) WHERE TRUE
ON CONFLICT (account, key) DO UPDATE SET batch = excluded.batch, until = excluded.until
WHERE claim.until <= :now OR claim.batch = excluded.batch;

-- name: claim_others
-- Which of some keys other batches have.
SELECT c.key, c.batch FROM json_each(:keys) k JOIN claim c ON c.account = :account AND c.key = k.value
WHERE c.batch <> :batch;
