-- Reports of each day. What SQLite says in its own way.

-- name: daily_batches
-- The batches with outcomes in a span of time.
-- Left to itself, SQLite reads every outcome of every batch.
SELECT * FROM batch WHERE account = :account AND id IN (
    SELECT batch FROM outcome INDEXED BY outcome_at WHERE at >= :since AND at < :until) ORDER BY id;
