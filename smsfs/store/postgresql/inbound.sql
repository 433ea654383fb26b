-- Receipts, replies and opt-outs. What PostgreSQL says in its own way.

-- name: receipt_add
-- Keep a receipt whose message is not known yet.
COPY receipt (backend, carrier_id, recipient, event, code, reason, done, at, due, other, reply, price) FROM STDIN;

-- name: receipt_due
-- Kept receipts to look at again, past those being looked at.
SELECT * FROM receipt WHERE due <= :now ORDER BY due LIMIT :limit FOR UPDATE SKIP LOCKED;

-- name: outcome_by_carrier
-- The newest message for each of some carrier ids, and what receipts said of it before.
-- The index begins anew with each million of outcomes: they are asked one after the other, the newest first.
SELECT w.value AS carrier_id, o.batch, o.row, o.slice, o.attempt, b.path, a.name AS account,
    (SELECT string_agg(CASE event WHEN 'passing' THEN reason ELSE event END || CASE WHEN price > '' THEN ',$' ELSE '' END, ',')
     FROM outcome
     WHERE batch = o.batch AND row = o.row AND slice = o.slice AND attempt = o.attempt AND carrier_id = w.value) AS words
FROM json_array_elements_text(CAST(:ids AS JSON)) AS w(value)
CROSS JOIN LATERAL (
    SELECT newest.* FROM generate_series(
        (SELECT max(id) >> 20 FROM outcome), (SELECT min(id) >> 20 FROM outcome), -1) AS million (number)
    CROSS JOIN LATERAL (
        SELECT k.* FROM outcome k JOIN slice s ON s.id = k.slice
        WHERE (k.id >> 20) = million.number AND k.carrier_id = w.value AND k.recipient IS NOT NULL
            AND s.backend = :backend
        ORDER BY (k.id >> 20) DESC, k.carrier_id DESC, k.id DESC LIMIT 1) AS newest LIMIT 1) AS o
JOIN batch b ON b.id = o.batch JOIN account a ON a.id = b.account;

-- name: outcome_of_ids
-- What was said under carriers' ids about some messages of an attempt.
SELECT o.row, o.carrier_id,
    CASE o.event WHEN 'passing' THEN o.reason ELSE o.event END || CASE WHEN o.price > '' THEN ',$' ELSE '' END AS words
FROM json_array_elements_text(CAST(:rows AS JSON)) AS w(value)
JOIN outcome o ON o.batch = :batch AND o.row = CAST(w.value AS BIGINT)
WHERE o.slice = :slice AND o.attempt = :attempt AND o.carrier_id > '';

-- name: receipt_guess_lock
-- Be alone in matching receipts by number until the transaction ends.
SELECT pg_advisory_xact_lock(20267, 0) IS NULL AS locked;

-- name: outcome_unsettled
-- Messages of unknown fate to some numbers, which lack a carrier id.
SELECT o.recipient, o.at, o.batch, o.row, o.slice, o.attempt, b.path, a.name AS account
FROM json_array_elements_text(CAST(:recipients AS JSON)) AS w(value)
CROSS JOIN generate_series(
    (SELECT max(id) >> 20 FROM outcome), (SELECT min(id) >> 20 FROM outcome), -1) AS million (number)
CROSS JOIN LATERAL (SELECT * FROM outcome WHERE (id >> 20) = million.number
    AND recipient = CAST(w.value AS BIGINT) AND recipient IS NOT NULL OFFSET 0) AS o
JOIN slice s ON s.id = o.slice JOIN batch b ON b.id = o.batch JOIN account a ON a.id = b.account
WHERE (o.event = 'no_answer' OR (o.event = 'accepted' AND o.carrier_id = '')) AND o.at > :since AND s.backend = :backend AND o.parts > (
    SELECT count(DISTINCT k.carrier_id) FROM outcome k
    WHERE k.batch = o.batch AND k.row = o.row AND k.slice = o.slice AND k.attempt = o.attempt AND k.event = 'part');

-- name: outcome_sent_to
-- The last message that may have gone to a number.
-- By one backend or by any.
SELECT o.batch, o.row, b.account FROM (
    SELECT newest.* FROM generate_series(
        (SELECT max(id) >> 20 FROM outcome), (SELECT min(id) >> 20 FROM outcome), -1) AS million (number)
    CROSS JOIN LATERAL (
        SELECT k.* FROM outcome k JOIN slice s ON s.id = k.slice
        WHERE (k.id >> 20) = million.number AND k.recipient = :msisdn AND k.recipient IS NOT NULL
            AND k.event IN ('accepted', 'no_answer', 'refused')
            AND (CAST(:backend AS TEXT) IS NULL OR s.backend = :backend)
        ORDER BY (k.id >> 20) DESC, k.recipient DESC, k.id DESC LIMIT 1) AS newest LIMIT 1) AS o
JOIN batch b ON b.id = o.batch;

-- name: reply_part_of
-- The kept parts of a reply.
SELECT * FROM reply_part WHERE backend = :backend AND sender = :sender AND recipient = :recipient
    AND reference = :reference AND total = :total AND reply IS NULL ORDER BY id FOR UPDATE;

-- name: reply_unshown
-- Replies to accounts of a dialect that no file has shown, in the order of their numbers.
-- LATERAL, or PostgreSQL may read the replies of all other accounts, which no file ever shows; and BETWEEN, for with
-- an equals sign it may read every reply there is, in the order of their numbers.
SELECT r.*, a.name AS account_name, b.path FROM account a CROSS JOIN LATERAL (
    SELECT * FROM reply WHERE account BETWEEN a.id AND a.id AND shown = 0 AND id > :after
    ORDER BY account, id LIMIT :limit) AS r
LEFT JOIN batch b ON b.id = r.batch WHERE a.dialect = :dialect ORDER BY r.id LIMIT :limit;

-- name: optout_add
-- Put numbers on an account's opt-out list.
INSERT INTO optout (account, msisdn, since, source)
SELECT :account, CAST(value AS BIGINT), :now, :source FROM json_array_elements_text(CAST(:msisdns AS JSON)) AS w(value)
ON CONFLICT DO NOTHING;

-- name: optout_drop
-- Take numbers from an account's opt-out list.
DELETE FROM optout WHERE account = :account
    AND msisdn IN (SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST(:msisdns AS JSON)) AS w(value));

-- name: optout_listed
-- Which of some numbers are on an account's opt-out list.
SELECT o.msisdn FROM json_array_elements_text(CAST(:msisdns AS JSON)) AS w(value)
JOIN optout o ON o.account = :account AND o.msisdn = CAST(w.value AS BIGINT);
