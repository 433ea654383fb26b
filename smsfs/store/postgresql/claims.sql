-- What a batch keeps others from using for a while. Keys come as a JSON array, which each engine reads in its own way. What PostgreSQL says in its own way.

-- name: claim_take
-- Claim keys that are free, expired, or the batch's own.
-- In order, lest two hosts that claim the same keys wait for each other.
INSERT INTO claim (account, key, batch, until)
SELECT DISTINCT CAST(:account AS BIGINT), value, CAST(:batch AS BIGINT), CAST(:until AS DOUBLE PRECISION)
FROM json_array_elements_text(CAST(:keys AS JSON)) ORDER BY value
ON CONFLICT (account, key) DO UPDATE SET batch = excluded.batch, until = excluded.until
WHERE claim.until <= :now OR claim.batch = excluded.batch;

-- name: claim_others
-- Which of some keys other batches have.
SELECT c.key, c.batch FROM json_array_elements_text(CAST(:keys AS JSON)) k
JOIN claim c ON c.account = :account AND c.key = k.value WHERE c.batch <> :batch;
