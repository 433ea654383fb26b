-- Operators, and the sessions of the web page.

-- name: operator_add
-- Add an operator.
INSERT INTO operator (name, role, password, created) VALUES (:name, :role, :password, :now) RETURNING *;

-- name: operator_find
-- The operator of a name.
SELECT * FROM operator WHERE name = :name;

-- name: operator_get
-- One operator.
SELECT * FROM operator WHERE id = :operator;

-- name: operator_all
-- Every operator, by name.
SELECT * FROM operator ORDER BY name;

-- name: operator_drop
-- Delete an operator, and with it the sessions.
DELETE FROM operator WHERE name = :name;

-- name: web_session_add
-- Note who has logged in.
INSERT INTO web_session (token, operator, account, closings, resets, began, seen)
VALUES (:token, :operator, :account, :closings, :resets, :began, :seen);

-- name: web_session_get
-- The session of a token.
SELECT * FROM web_session WHERE token = :token;

-- name: web_session_use
-- Note that a session was used.
UPDATE web_session SET seen = :now WHERE token = :token;

-- name: web_session_drop
-- End a session.
DELETE FROM web_session WHERE token = :token;

-- name: web_session_expire
-- Delete sessions that are over.
DELETE FROM web_session WHERE seen < :idle OR began < :oldest;
