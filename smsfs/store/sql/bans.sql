-- Failed logins, and the addresses that are turned away for them.

-- name: failure_add
-- Note a failed login.
INSERT INTO login_failure (address, at) VALUES (:address, :now);

-- name: failure_count
-- How often logins failed from an address.
SELECT count(*) AS failures FROM login_failure WHERE address = :address AND at > :since;

-- name: failure_drop
-- Forget the failed logins from an address.
DELETE FROM login_failure WHERE address = :address;

-- name: failure_expire
-- Delete failed logins that are too old.
DELETE FROM login_failure WHERE at <= :before;

-- name: ban_put
-- Turn an address away for a while.
INSERT INTO ban (address, since, until, reason) VALUES (:address, :since, :until, :reason)
ON CONFLICT (address) DO UPDATE SET since = excluded.since, until = excluded.until, reason = excluded.reason;

-- name: ban_drop
-- Lift a ban.
DELETE FROM ban WHERE address = :address;

-- name: ban_expire
-- Delete bans that are over.
DELETE FROM ban WHERE until <= :now;

-- name: ban_all
-- The bans that hold.
SELECT * FROM ban WHERE until > :now ORDER BY until DESC, address;
