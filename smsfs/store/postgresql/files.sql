-- Files, those who write to them, and the names they answer to. What PostgreSQL says in its own way.

-- name: file_begin
-- Add an empty draft, and note that a process writes to it; both.
WITH made AS (
    INSERT INTO file (account, folder, name, state, content, size, mtime)
    VALUES (:account, :folder, :name, {file.create new}, :content, 0, :mtime) RETURNING *),
noted AS (INSERT INTO writer (file, owner) SELECT id, :owner FROM made RETURNING id)
SELECT made.*, NULL AS writers, noted.id AS writer FROM made CROSS JOIN noted;

-- name: file_hand_over
-- Hand a draft or a mended file over, and add a batch for it; no row if its state does not allow that.
WITH moved AS (
    UPDATE file SET state = {file.submit to}, folder = :folder, name = :name, tail = :empty, finished = NULL
    WHERE id = :file AND state {file.submit from} RETURNING id, size)
INSERT INTO batch (account, file, path, stem, flags, state, submitted, not_before, lane)
SELECT :account, moved.id, :path, :stem, :flags, {batch.submit new}, :at, :now,
    (SELECT 2 * coalesce(parent, id) FROM account WHERE id = :account)
    + CASE WHEN moved.size > :large_bytes THEN 1 ELSE 0 END
FROM moved RETURNING id;

-- name: file_find
-- The file at a path, with those who write to it.
SELECT f.*, (SELECT string_agg(CAST(owner AS TEXT), ',') FROM writer WHERE file = f.id) AS writers
FROM file f WHERE account = :account AND folder = :folder AND name = :name;

-- name: file_known
-- The file at a path, with those who write to it, or else the one that answers to it.
SELECT f.*, (SELECT string_agg(CAST(owner AS TEXT), ',') FROM writer WHERE file = f.id) AS writers, 0 AS place
FROM file f WHERE account = :account AND folder = :folder AND name = :name
UNION ALL
SELECT f.*, NULL AS writers, 1 AS place FROM alias a JOIN file f ON f.id = a.file
WHERE a.account = :account AND a.path = :path AND a.until > :now AND f.state <> 'draft'
ORDER BY place LIMIT 1;

-- name: file_taken
-- Whether there is a file at one of some paths.
SELECT 1 FROM json_array_elements(CAST(:names AS JSON)) AS n (value) JOIN file f ON f.account = :account
    AND f.folder = n.value ->> 0 AND f.name = n.value ->> 1 LIMIT 1;

-- name: writer_end
-- Note what a writer leaves; the file, with the others who write to it.
UPDATE file f SET size = :size, mtime = COALESCE(:mtime, mtime), cut = CASE
    WHEN CAST(:cut AS BOOLEAN) THEN (SELECT max(id) FROM writer)
    WHEN CAST(:wrote AS BOOLEAN) AND cut < :writer THEN 0 ELSE cut END
WHERE id = (SELECT file FROM writer WHERE id = :writer)
RETURNING f.*, (SELECT string_agg(CAST(owner AS TEXT), ',') FROM writer w WHERE w.file = f.id AND w.id <> :writer) AS writers;

-- name: file_get
-- One file, with those who write to it.
SELECT f.*, (SELECT string_agg(CAST(owner AS TEXT), ',') FROM writer WHERE file = f.id) AS writers FROM file f WHERE id = :file;

-- name: file_listing
-- The files in a folder that clients see.
SELECT f.*, (SELECT string_agg(CAST(owner AS TEXT), ',') FROM writer WHERE file = f.id) AS writers
FROM file f WHERE account = :account AND folder = :folder AND state <> 'consumed' ORDER BY name;

-- name: file_all
-- Every file of an account or of all.
SELECT f.*, (SELECT string_agg(CAST(owner AS TEXT), ',') FROM writer WHERE file = f.id) AS writers
FROM file f WHERE CAST(:account AS BIGINT) IS NULL OR account = :account ORDER BY account, folder, name;

-- name: writer_hold
-- Check that a writer was not ended, and keep it so until the transaction ends.
SELECT id FROM writer WHERE id = :writer FOR KEY SHARE;
