-- Files, those who write to them, and the names they answer to. What SQLite says in its own way.

-- name: file_find
-- The file at a path, with those who write to it.
SELECT f.*, (SELECT group_concat(owner) FROM writer WHERE file = f.id) AS writers
FROM file f WHERE account = :account AND folder = :folder AND name = :name;

-- name: file_get
-- One file, with those who write to it.
SELECT f.*, (SELECT group_concat(owner) FROM writer WHERE file = f.id) AS writers FROM file f WHERE id = :file;

-- name: file_listing
-- The files in a folder that clients see.
SELECT f.*, (SELECT group_concat(owner) FROM writer WHERE file = f.id) AS writers
FROM file f WHERE account = :account AND folder = :folder AND state <> 'consumed' ORDER BY name;

-- name: file_all
-- Every file of an account or of all.
SELECT f.*, (SELECT group_concat(owner) FROM writer WHERE file = f.id) AS writers
FROM file f WHERE CAST(:account AS BIGINT) IS NULL OR account = :account ORDER BY account, folder, name;
