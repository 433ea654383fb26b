-- What SQLite says in its own way of receipts, replies and opt-outs.

-- name: receipt_add
INSERT INTO receipt (backend, carrier_id, recipient, event, code, reason, done, at, due, other, reply)
VALUES (:backend, :carrier_id, :recipient, :event, :code, :reason, :done, :at, :due, :other, :reply);
-- name: receipt_due
SELECT * FROM receipt WHERE due <= :now ORDER BY due LIMIT :limit;
-- name: outcome_by_carrier
SELECT w.value AS carrier_id, o.batch, o.row, o.slice, o.attempt, b.path, a.name AS account,
    (SELECT group_concat(CASE event WHEN 'passing' THEN reason ELSE event END) FROM outcome
     WHERE batch = o.batch AND row = o.row AND slice = o.slice AND attempt = o.attempt AND carrier_id = w.value) AS words
FROM json_each(:ids) w
JOIN outcome o ON o.id = (
    SELECT max(k.id) FROM outcome k JOIN slice s ON s.id = k.slice
    WHERE k.carrier_id = w.value AND k.recipient IS NOT NULL AND s.backend = :backend)
JOIN batch b ON b.id = o.batch JOIN account a ON a.id = b.account;
-- name: receipt_guess_lock
SELECT 1;
-- name: outcome_unsettled
SELECT o.recipient, o.at, o.batch, o.row, o.slice, o.attempt, b.path, a.name AS account
FROM json_each(:recipients) w JOIN outcome o ON o.recipient = w.value
JOIN slice s ON s.id = o.slice JOIN batch b ON b.id = o.batch JOIN account a ON a.id = b.account
WHERE (o.event = 'no_answer' OR (o.event = 'accepted' AND o.carrier_id = '')) AND o.at > :since AND s.backend = :backend AND o.parts > (
    SELECT count(DISTINCT k.carrier_id) FROM outcome k
    WHERE k.batch = o.batch AND k.row = o.row AND k.slice = o.slice AND k.attempt = o.attempt AND k.event = 'part');
-- name: reply_part_of
SELECT * FROM reply_part WHERE backend = :backend AND sender = :sender AND recipient = :recipient
    AND reference = :reference AND total = :total AND reply IS NULL ORDER BY id;
-- name: optout_add
INSERT INTO optout (account, msisdn, since, source)
SELECT :account, value, :now, :source FROM json_each(:msisdns) WHERE true ON CONFLICT DO NOTHING;
-- name: optout_drop
DELETE FROM optout WHERE account = :account AND msisdn IN (SELECT value FROM json_each(:msisdns));
-- name: optout_listed
SELECT o.msisdn FROM json_each(:msisdns) w JOIN optout o ON o.account = :account AND o.msisdn = w.value;
