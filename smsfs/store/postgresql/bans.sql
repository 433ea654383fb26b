-- Failed logins, and the addresses that are turned away for them. What PostgreSQL says in its own way.

-- name: ban_several
-- The bans that hold of some addresses.
SELECT * FROM ban WHERE until > :now
AND address IN (SELECT value FROM json_array_elements_text(CAST(:addresses AS JSON)) AS given (value));
