-- What a monitor asks: how much waits, and since when.

-- name: figures_queue
-- What waits for each backend or is with it, and since when it could have been sent.
-- A slice that is tried again has another time: what counts is when its file could be read.
SELECT backend, CAST(sum(size) AS BIGINT) AS messages, min(CASE WHEN state <> 'queued' THEN NULL
    WHEN again = 0 THEN not_before
    ELSE (SELECT CASE WHEN b.not_before > b.submitted THEN b.not_before ELSE b.submitted END FROM batch b WHERE b.id = slice.batch)
    END) AS since
FROM slice WHERE state <> 'done' AND state IN ('queued', 'claimed') GROUP BY backend;

-- name: figures_unknown
-- How many of the latest answers that were lost are the last word on their messages.
SELECT count(*) AS found FROM (
    SELECT id, batch, row FROM outcome
    WHERE event = 'no_answer' AND event IN ('no_answer', 'refused', 'too_late', 'cancel', 'undelivered', 'receipt_expired')
    ORDER BY event DESC, batch DESC LIMIT :limit) lost
WHERE NOT EXISTS (SELECT 1 FROM outcome o WHERE o.batch = lost.batch AND o.row = lost.row AND o.id > lost.id);

-- name: figures_mails
-- E-mails that are due.
SELECT count(*) AS found FROM notice WHERE sent IS NULL AND due <= :now;

-- name: figures_bans
-- How many addresses are turned away.
SELECT count(*) AS found FROM ban WHERE until > :now;

-- name: figures_credits
-- The accounts whose credit is the least.
SELECT a.name, c.amount FROM credit c JOIN account a ON a.id = c.account ORDER BY c.amount, a.name LIMIT :limit;
