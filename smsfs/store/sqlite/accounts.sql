-- Accounts, their keys and credits, and the hosts' keys. What SQLite says in its own way.

-- name: account_several
-- Those of some accounts that there are.
SELECT * FROM account WHERE id IN (SELECT value FROM json_each(:accounts));

-- name: account_lock
-- Be alone on an account's files until the transaction ends.
SELECT 1;
