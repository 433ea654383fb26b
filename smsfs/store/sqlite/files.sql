-- Files, those who write to them, and the names they answer to. What SQLite says in its own way.

-- name: file_find
-- The file at a path, with those who write to it.
SELECT f.*, (SELECT group_concat(owner) FROM writer WHERE file = f.id) AS writers
FROM file f WHERE account = :account AND folder = :folder AND name = :name;

-- name: file_known
-- The file at a path, with those who write to it, or else the one that answers to it.
SELECT f.*, (SELECT group_concat(owner) FROM writer WHERE file = f.id) AS writers, 0 AS place
FROM file f WHERE account = :account AND folder = :folder AND name = :name
UNION ALL
SELECT f.*, NULL AS writers, 1 AS place FROM alias a JOIN file f ON f.id = a.file
WHERE a.account = :account AND a.path = :path AND a.until > :now AND f.state <> 'draft'
ORDER BY place LIMIT 1;

-- name: file_taken
-- Whether there is a file at one of some paths.
SELECT 1 FROM json_each(:names) n CROSS JOIN file f ON f.account = :account
    AND f.folder = json_extract(n.value, '$[0]') AND f.name = json_extract(n.value, '$[1]') LIMIT 1;

-- name: writer_end
-- Note what a writer leaves; the file, with the others who write to it.
UPDATE file SET size = :size, mtime = COALESCE(:mtime, mtime), cut = CASE
    WHEN :cut THEN (SELECT max(id) FROM writer) WHEN :wrote AND cut < :writer THEN 0 ELSE cut END
WHERE id = (SELECT file FROM writer WHERE id = :writer)
RETURNING *, (SELECT group_concat(owner) FROM writer WHERE writer.file = file.id AND writer.id <> :writer) AS writers;

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
