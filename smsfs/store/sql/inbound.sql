-- Receipts, replies and opt-outs.

-- name: poll_of
-- How far the messages of a backend were asked about.
SELECT backend, after, began FROM poll WHERE backend = :backend;

-- name: poll_note
-- Note how far the messages of a backend were asked about.
INSERT INTO poll (backend, after, began) VALUES (:backend, :after, :began)
ON CONFLICT (backend) DO UPDATE SET after = excluded.after, began = excluded.began;

-- name: outcome_first_since
-- The first outcome since a time.
SELECT id FROM outcome WHERE at >= :since ORDER BY at LIMIT 1;

-- name: outcome_behind
-- The number after the last outcome.
SELECT coalesce(max(id), 0) + 1 AS id FROM outcome;

-- name: outcome_awaited
-- Some outcomes, and whether each is of a message that a backend's carrier took and said nothing final of.
SELECT o.id, o.carrier_id, o.event = 'accepted' AND o.recipient IS NOT NULL AND o.carrier_id <> '' AND o.at <= :until
    AND EXISTS (SELECT 1 FROM slice WHERE id = o.slice AND backend = :backend)
    AND NOT EXISTS (SELECT 1 FROM outcome w WHERE w.batch = o.batch AND w.row = o.row AND w.attempt = o.attempt
        AND w.event IN ('delivered', 'undelivered', 'receipt_expired')) AS awaited
FROM (SELECT * FROM outcome WHERE id > :after ORDER BY id LIMIT :limit) AS o ORDER BY o.id;

-- name: receipt_waiting
-- How many receipts are kept.
SELECT count(*) AS receipts FROM receipt;

-- name: receipt_any_due
-- Whether a kept receipt is to be looked at again.
SELECT id FROM receipt WHERE due <= :now LIMIT 1;

-- name: receipt_drop
-- Delete a kept receipt.
DELETE FROM receipt WHERE id = :id;

-- name: receipt_later
-- Look at a kept receipt again later.
UPDATE receipt SET due = :due WHERE id = :id;

-- name: receipt_expire
-- Delete kept receipts that are too old.
DELETE FROM receipt WHERE id IN (SELECT id FROM receipt WHERE at < :before ORDER BY at LIMIT :limit) RETURNING *;

-- name: batch_whose
-- The path of a batch, and the name of its account.
SELECT b.path, a.name AS account FROM batch b JOIN account a ON a.id = b.account WHERE b.id = :batch;

-- name: slice_any_claimed
-- Whether a slice is with a backend.
SELECT id FROM slice WHERE state = 'claimed' AND backend = :backend LIMIT 1;

-- name: reply_add
-- Add a reply.
INSERT INTO reply (backend, sender, recipient, text, whole, at, account, batch, row)
VALUES (:backend, :sender, :recipient, :text, :whole, :at, :account, :batch, :row) RETURNING id;

-- name: reply_full
-- A reply with the name of its account and the path of its file.
SELECT r.*, a.name AS account_name, b.path FROM reply r
LEFT JOIN account a ON a.id = r.account LEFT JOIN batch b ON b.id = r.batch WHERE r.id = :reply;

-- name: reply_all
-- One page of replies, of an account if one is given.
SELECT r.*, a.name AS account_name, b.path FROM reply r
LEFT JOIN account a ON a.id = r.account LEFT JOIN batch b ON b.id = r.batch
WHERE r.id > :after AND r.at >= :since AND r.at < :until
    AND (CAST(:account AS BIGINT) IS NULL OR r.account = :account) ORDER BY r.id LIMIT 500;

-- name: reply_shown
-- Note that a reply is shown as a file, or is not to be.
UPDATE reply SET shown = 1 WHERE id = :reply AND account = :account AND shown = 0;

-- name: reply_expire
-- Delete replies to an account that are too old.
DELETE FROM reply WHERE id IN (
    SELECT id FROM reply WHERE account = :account AND at < :before ORDER BY at LIMIT :limit) RETURNING id;

-- name: reply_expire_nobodys
-- Delete replies for nobody that are too old.
DELETE FROM reply WHERE id IN (
    SELECT id FROM reply WHERE account IS NULL AND at < :before ORDER BY at LIMIT :limit) RETURNING *;

-- name: reply_part_add
-- Keep a part of a reply.
INSERT INTO reply_part (backend, sender, recipient, reference, part, total, text, at)
VALUES (:backend, :sender, :recipient, :reference, :part, :total, :text, :at);

-- name: reply_part_again
-- Whether the same part came before.
SELECT id FROM reply_part WHERE backend = :backend AND sender = :sender AND recipient = :recipient
    AND reference = :reference AND total = :total AND part = :part AND text = :text AND at > :since LIMIT 1;

-- name: reply_part_joined
-- Note the reply that a part went into.
UPDATE reply_part SET reply = :reply WHERE id = :id;

-- name: reply_part_ripe
-- Replies all of whose parts came, or whose time to wait for them is over.
SELECT backend, sender, recipient, reference, total FROM reply_part WHERE reply IS NULL
GROUP BY backend, sender, recipient, reference, total
HAVING count(DISTINCT part) >= total OR min(at) < :overdue
ORDER BY backend, sender, recipient, reference, total LIMIT :limit;

-- name: reply_part_forget
-- Delete the parts of a reply that was deleted.
DELETE FROM reply_part WHERE reply = :reply;

-- name: reply_part_expire
-- Delete parts that went into replies long ago.
DELETE FROM reply_part WHERE reply IS NOT NULL AND at < :before;

-- name: optout_all
-- One page of an account's opt-out list.
SELECT * FROM optout WHERE account = :account AND msisdn > :after ORDER BY msisdn LIMIT 1000;
