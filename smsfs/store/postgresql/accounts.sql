-- Accounts, their keys and credits, and the hosts' keys. What PostgreSQL says in its own way.

-- name: account_several
-- Those of some accounts that there are.
SELECT * FROM account
WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST(:accounts AS JSON)) AS given (value));

-- name: account_lock
-- Be alone on an account's files until the transaction ends.
SELECT pg_advisory_xact_lock(20266, CAST(:account AS INTEGER)) IS NULL AS locked;
