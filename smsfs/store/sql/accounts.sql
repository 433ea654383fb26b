-- Accounts, their keys and credits, and the hosts' keys.

-- name: account_add
-- Add an account, or a connector of one.
INSERT INTO account (name, dialect, settings, created, parent)
VALUES (:name, :dialect, :settings, :now, :parent) RETURNING *;

-- name: account_find
-- The account of a name.
SELECT * FROM account WHERE name = :name;

-- name: account_get
-- One account.
SELECT * FROM account WHERE id = :account;

-- name: account_here
-- One account, and what it stores.
SELECT a.*, u.files, u.bytes FROM account a LEFT JOIN usage u ON u.account = a.id WHERE a.id = :account;

-- name: account_all
-- Every account, by name.
SELECT * FROM account ORDER BY name;

-- name: account_update
-- Replace an account's settings.
UPDATE account SET settings = :settings WHERE id = :account;

-- name: account_password
-- Replace an account's password hash.
UPDATE account SET password = :password WHERE id = :account;

-- name: account_disabled
-- Close or open an account for logins.
UPDATE account SET disabled = :disabled WHERE id = :account;

-- name: account_close
-- End the sessions of an account and its connectors.
UPDATE account SET closings = closings + 1 WHERE id = :account OR parent = :account;

-- name: account_reset
-- End the sessions of an account and its connectors after a change of password or keys.
UPDATE account SET resets = resets + 1 WHERE id = :account;

-- name: account_family
-- An account and its connectors.
SELECT id FROM account WHERE id = :account OR parent = :account ORDER BY id;

-- name: account_credits
-- How many SMS an account may still send.
SELECT amount FROM credit WHERE account = :account;

-- name: account_set_credits
-- Set how many SMS an account may still send.
INSERT INTO credit VALUES (:account, :amount) ON CONFLICT (account) DO UPDATE SET amount = excluded.amount;

-- name: account_drop_credits
-- Lift an account's limit of SMS.
DELETE FROM credit WHERE account = :account;

-- name: account_busy
-- Whether a file or message of an account is on its way, and whether it has connectors.
SELECT EXISTS (SELECT 1 FROM file f WHERE account = :account AND state = 'processing'
               AND NOT EXISTS (SELECT 1 FROM result WHERE file = f.id))
    OR EXISTS (SELECT 1 FROM slice s
               WHERE s.state <> 'done' AND (SELECT account FROM batch WHERE id = s.batch) = :account) AS busy,
    EXISTS (SELECT 1 FROM account WHERE parent = :account) AS connectors;

-- name: account_contents
-- The contents of an account's files.
SELECT content FROM file WHERE account = :account;

-- name: account_drop_reply_parts
-- Delete the parts of replies to an account.
DELETE FROM reply_part WHERE reply IN (SELECT id FROM reply WHERE account = :account);

-- name: account_drop_outcomes
-- Delete the outcomes of an account's messages.
DELETE FROM outcome WHERE batch IN (SELECT id FROM batch WHERE account = :account);

-- name: account_drop_slices
-- Delete an account's messages.
DELETE FROM slice WHERE batch IN (SELECT id FROM batch WHERE account = :account);

-- name: account_drop_batches
-- Delete an account's batches.
DELETE FROM batch WHERE account = :account;

-- name: account_drop_files
-- Delete an account's files.
DELETE FROM file WHERE account = :account;

-- name: account_drop
-- Delete an account.
DELETE FROM account WHERE id = :account;

-- name: key_all
-- The public keys of an account.
SELECT line FROM account_key WHERE account = :account ORDER BY line;

-- name: key_add
-- Let a public key log in; a second time changes nothing.
INSERT INTO account_key VALUES (:account, :line) ON CONFLICT DO NOTHING;

-- name: key_drop
-- Take away a public key's right to log in.
DELETE FROM account_key WHERE account = :account AND line = :line;

-- name: host_key_all
-- The hosts' SSH keys.
SELECT kind, private FROM host_key;

-- name: host_key_add
-- Add a host key unless there is one of its kind.
INSERT INTO host_key VALUES (:kind, :private) ON CONFLICT DO NOTHING;
