-- Failed logins, and the addresses that are turned away for them.

-- name: failure_add
INSERT INTO login_failure (address, at) VALUES (:address, :now);
-- name: failure_count
SELECT count(*) AS failures FROM login_failure WHERE address = :address AND at > :since;
-- name: failure_drop
DELETE FROM login_failure WHERE address = :address;
-- name: failure_expire
DELETE FROM login_failure WHERE at <= :before;
-- name: ban_put
INSERT INTO ban (address, since, until, reason) VALUES (:address, :since, :until, :reason)
ON CONFLICT (address) DO UPDATE SET since = excluded.since, until = excluded.until, reason = excluded.reason;
-- name: ban_drop
DELETE FROM ban WHERE address = :address;
-- name: ban_expire
DELETE FROM ban WHERE until <= :now;
-- name: ban_all
SELECT * FROM ban WHERE until > :now ORDER BY until DESC, address;
