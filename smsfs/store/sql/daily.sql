-- Reports of each day.

-- name: daily_batches
SELECT * FROM batch WHERE account = :account AND id IN (
    SELECT batch FROM outcome WHERE at >= :since AND at < :until) ORDER BY id;
-- name: daily_made
SELECT day FROM daily_report WHERE account = :account;
-- name: daily_add
INSERT INTO daily_report (account, day) VALUES (:account, :day) ON CONFLICT DO NOTHING;
