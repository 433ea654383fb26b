-- Accounts, their keys and credits, and the hosts' keys. What PostgreSQL says in its own way.

-- name: account_several
-- Those of some accounts that there are.
SELECT * FROM account
WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST(:accounts AS JSON)) AS given (value));

-- name: account_lock
-- Be alone on an account's files until the transaction ends.
SELECT pg_advisory_xact_lock(20266, CAST(:account AS INTEGER)) IS NULL AS locked;

-- name: account_drop_reply_parts
-- Delete the parts of replies to an account.
-- As an array, which is made once, here and below: for IN the planner reads the rows of all accounts.
DELETE FROM reply_part WHERE reply = ANY(ARRAY(SELECT id FROM reply WHERE account = :account));

-- name: account_drop_results
-- Delete what is noted of an account's result files.
DELETE FROM result WHERE batch = ANY(ARRAY(SELECT id FROM batch WHERE account = :account));

-- name: account_drop_outcomes
-- Delete the outcomes of an account's messages.
DELETE FROM outcome WHERE batch = ANY(ARRAY(SELECT id FROM batch WHERE account = :account));

-- name: account_drop_slices
-- Delete an account's messages.
DELETE FROM slice WHERE batch = ANY(ARRAY(SELECT id FROM batch WHERE account = :account));

-- name: account_mark_runs
-- Nothing: an index has no entries of rows that are deleted.
SELECT 1;
