-- Reports of each day.

-- name: daily_batches
-- The batches with outcomes in a span of time.
SELECT * FROM batch WHERE account = :account AND id IN (
    SELECT batch FROM outcome WHERE at >= :since AND at < :until) ORDER BY id;

-- name: daily_made
-- The days whose reports are made.
SELECT day FROM daily_report WHERE account = :account;

-- name: daily_add
-- Note that the reports of a day are made.
INSERT INTO daily_report (account, day) VALUES (:account, :day) ON CONFLICT DO NOTHING;
