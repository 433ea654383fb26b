-- Receipts, replies and opt-outs. What SQLite says in its own way.

-- name: receipt_add
-- Keep a receipt whose message is not known yet.
INSERT INTO receipt (backend, carrier_id, recipient, event, code, reason, done, at, due, other, reply, price)
VALUES (:backend, :carrier_id, :recipient, :event, :code, :reason, :done, :at, :due, :other, :reply, :price);

-- name: receipt_due
-- Kept receipts to look at again.
SELECT * FROM receipt WHERE due <= :now ORDER BY due LIMIT :limit;

-- name: outcome_by_carrier
-- The newest message for each of some carrier ids, and what receipts said of it before.
-- Among the outcomes that are in no run yet, and else in the runs, the newest first.
WITH fresh AS MATERIALIZED (
    SELECT k.carrier_id, max(k.id) AS id FROM outcome k JOIN slice s ON s.id = k.slice
    WHERE k.id > (SELECT coalesce(max(last), 0) FROM run) AND k.recipient IS NOT NULL
        AND k.carrier_id IN (SELECT value FROM json_each(:ids)) AND s.backend = :backend
    GROUP BY k.carrier_id)
SELECT w.value AS carrier_id, o.batch, o.row, o.slice, o.attempt, b.path, a.name AS account,
    (SELECT group_concat(CASE event WHEN 'passing' THEN reason ELSE event END || CASE WHEN price > '' THEN ',$' ELSE '' END)
     FROM outcome
     WHERE batch = o.batch AND row = o.row AND slice = o.slice AND attempt = o.attempt AND carrier_id = w.value) AS words
FROM json_each(:ids) w
JOIN outcome o ON o.id = coalesce(
    (SELECT id FROM fresh WHERE carrier_id = w.value),
    (SELECT c.outcome FROM run u CROSS JOIN run_carrier c ON c.run = u.id AND c.carrier_id = w.value
     CROSS JOIN outcome k ON k.id = c.outcome CROSS JOIN slice s ON s.id = k.slice
     WHERE u.last > 0 AND s.backend = :backend ORDER BY u.last DESC, c.outcome DESC LIMIT 1))
JOIN batch b ON b.id = o.batch JOIN account a ON a.id = b.account;

-- name: outcome_of_ids
-- What was said under carriers' ids about some messages of an attempt.
SELECT o.row, o.carrier_id,
    CASE o.event WHEN 'passing' THEN o.reason ELSE o.event END || CASE WHEN o.price > '' THEN ',$' ELSE '' END AS words
FROM json_each(:rows) w CROSS JOIN outcome o ON o.batch = :batch AND o.row = w.value
WHERE o.slice = :slice AND o.attempt = :attempt AND o.carrier_id > '';

-- name: receipt_guess_lock
-- Be alone in matching receipts by number until the transaction ends.
SELECT 1;

-- name: outcome_unsettled
-- Messages of unknown fate to some numbers, which lack a carrier id.
WITH found AS MATERIALIZED (
    SELECT id FROM outcome WHERE id > (SELECT coalesce(max(last), 0) FROM run)
        AND recipient IN (SELECT value FROM json_each(:recipients))
    UNION ALL
    SELECT c.outcome FROM json_each(:recipients) w CROSS JOIN run u
    CROSS JOIN run_recipient c ON c.run = u.id AND c.recipient = w.value WHERE u.last > 0)
SELECT o.recipient, o.at, o.batch, o.row, o.slice, o.attempt, b.path, a.name AS account
FROM found f CROSS JOIN outcome o ON o.id = f.id
JOIN slice s ON s.id = o.slice JOIN batch b ON b.id = o.batch JOIN account a ON a.id = b.account
WHERE (o.event = 'no_answer' OR (o.event = 'accepted' AND o.carrier_id = '')) AND o.at > :since AND s.backend = :backend AND o.parts > (
    SELECT count(DISTINCT k.carrier_id) FROM outcome k
    WHERE k.batch = o.batch AND k.row = o.row AND k.slice = o.slice AND k.attempt = o.attempt AND k.event = 'part');

-- name: outcome_sent_to
-- The last message that may have gone to a number.
-- By one backend or by any.
SELECT o.batch, o.row, b.account FROM outcome o JOIN batch b ON b.id = o.batch WHERE o.id = coalesce(
    (SELECT max(k.id) FROM outcome k JOIN slice s ON s.id = k.slice
     WHERE k.id > (SELECT coalesce(max(last), 0) FROM run) AND k.recipient = :msisdn
         AND k.event IN ('accepted', 'no_answer', 'refused')
         AND (CAST(:backend AS TEXT) IS NULL OR s.backend = :backend)),
    (SELECT c.outcome FROM run u CROSS JOIN run_recipient c ON c.run = u.id AND c.recipient = :msisdn
     CROSS JOIN outcome k ON k.id = c.outcome CROSS JOIN slice s ON s.id = k.slice
     WHERE u.last > 0 AND k.event IN ('accepted', 'no_answer', 'refused')
         AND (CAST(:backend AS TEXT) IS NULL OR s.backend = :backend)
     ORDER BY u.last DESC, c.outcome DESC LIMIT 1));

-- name: reply_part_of
-- The kept parts of a reply.
SELECT * FROM reply_part WHERE backend = :backend AND sender = :sender AND recipient = :recipient
    AND reference = :reference AND total = :total AND reply IS NULL ORDER BY id;

-- name: reply_unshown
-- Replies to accounts of a dialect that no file has shown, in the order of their numbers.
-- Left to itself, SQLite reads every reply there is; CROSS has it begin with the accounts.
SELECT r.*, a.name AS account_name, b.path FROM account a CROSS JOIN reply r LEFT JOIN batch b ON b.id = r.batch
WHERE a.dialect = :dialect AND r.account = a.id AND r.shown = 0 AND r.id > :after ORDER BY r.id LIMIT :limit;

-- name: optout_add
-- Put numbers on an account's opt-out list.
INSERT INTO optout (account, msisdn, since, source)
SELECT :account, value, :now, :source FROM json_each(:msisdns) WHERE true ON CONFLICT DO NOTHING;

-- name: optout_drop
-- Take numbers from an account's opt-out list.
DELETE FROM optout WHERE account = :account AND msisdn IN (SELECT value FROM json_each(:msisdns));

-- name: optout_listed
-- Which of some numbers are on an account's opt-out list.
SELECT o.msisdn FROM json_each(:msisdns) w JOIN optout o ON o.account = :account AND o.msisdn = w.value;
