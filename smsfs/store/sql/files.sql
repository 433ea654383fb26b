-- Files, those who write to them, and the names they answer to.

-- name: file_page
-- One page of the files in a folder that clients see, by name.
SELECT id, name, state, content, size, length(tail) AS tail, mtime,
    (cut <> 0 OR EXISTS (SELECT 1 FROM writer WHERE file = f.id)) AS unsure
FROM file f WHERE account = :account AND folder = :folder AND name > :after AND state <> 'consumed' ORDER BY name LIMIT :limit;

-- name: file_names
-- The names of one page of the files in a folder that clients see.
SELECT name FROM file
WHERE account = :account AND folder = :folder AND name > :after AND state <> 'consumed' ORDER BY name LIMIT :limit;

-- name: file_overview
-- One page of an account's files, each with its last batch.
SELECT f.folder, f.name, f.state, f.content, f.size, f.cut <> 0 AS cut,
    EXISTS (SELECT 1 FROM writer WHERE file = f.id) AS written, f.mtime, b.path, b.submitted, b.messages, b.cause_count, CASE WHEN b.cause_count > 0 THEN b.causes END AS causes
FROM file f LEFT JOIN batch b ON b.id = (SELECT max(id) FROM batch WHERE file = f.id)
WHERE f.account = :account AND (f.folder, f.name) > (:folder, :after) ORDER BY f.folder, f.name LIMIT :limit;

-- name: file_add
-- Add an empty draft.
INSERT INTO file (account, folder, name, state, content, size, mtime)
VALUES (:account, :folder, :name, {file.create new}, :content, 0, :mtime) RETURNING *, NULL AS writers;

-- name: file_renew
-- Give a draft another content.
UPDATE file SET content = :content, size = 0, mtime = :mtime, cut = 0 WHERE id = :file RETURNING *, NULL AS writers;

-- name: file_move
-- Give a file another path.
UPDATE file SET folder = :folder, name = :name WHERE id = :file;

-- name: file_drop
-- Delete a file.
DELETE FROM file WHERE id = :file;

-- name: file_resize
-- Note a file's size and time of modification.
UPDATE file SET size = :size, mtime = :mtime WHERE id = :file;

-- name: file_times
-- Note a file's time of modification.
UPDATE file SET mtime = :mtime WHERE id = :file;

-- name: file_reopen
-- Make a rejected file a draft again.
UPDATE file SET state = {file.reopen to}, folder = :folder, name = :name, tail = :empty, finished = NULL
WHERE id = :file AND state {file.reopen from};

-- name: file_submit
-- Hand a draft or a mended file over.
UPDATE file SET state = {file.submit to}, folder = :folder, name = :name, tail = :empty, finished = NULL
WHERE id = :file AND state {file.submit from};

-- name: file_usage
-- How many files an account has, and their bytes.
SELECT files, bytes FROM usage WHERE account = :account;

-- name: file_expire
-- Delete finished files that are too old; their contents.
DELETE FROM file WHERE id IN (
    SELECT id FROM file WHERE account = :account AND finished < :before AND state <> 'draft' AND state <> 'processing'
    ORDER BY finished LIMIT :limit)
RETURNING content;

-- name: writer_add
-- Note that a process writes to a file.
INSERT INTO writer (file, owner) VALUES (:file, :owner) RETURNING id;

-- name: writer_file
-- The file that a writer writes to.
SELECT file FROM writer WHERE id = :writer;

-- name: writer_drop_all
-- Forget a file's writers.
DELETE FROM writer WHERE file = :file;

-- name: writer_seal
-- Note that a writer's file is whole, though it stays open.
UPDATE writer SET sealed = 1 WHERE id = :writer;

-- name: writer_drop
-- Forget a writer.
DELETE FROM writer WHERE id = :writer;

-- name: file_cut
-- Mark a file as cut: a writer ended before it was complete.
UPDATE file SET cut = (SELECT max(id) FROM writer) WHERE id = :file;

-- name: alias_find
-- The file that answers to the name under which it was submitted.
SELECT f.*, NULL AS writers FROM alias a JOIN file f ON f.id = a.file
WHERE a.account = :account AND a.path = :path AND a.until > :now AND f.state <> 'draft';

-- name: alias_add
-- Let a file answer to a name for a while.
INSERT INTO alias (account, path, file, until) VALUES (:account, :path, :file, :until)
ON CONFLICT (account, path) DO UPDATE SET file = excluded.file, until = excluded.until;

-- name: file_strays
-- Drafts that nobody writes and about which nothing was noted, in the order of their numbers.
SELECT f.*, NULL AS writers FROM account a JOIN file f ON f.account = a.id
WHERE a.dialect = :dialect AND f.state = 'draft' AND f.id > :after
    AND NOT EXISTS (SELECT 1 FROM writer w WHERE w.file = f.id)
    AND NOT EXISTS (SELECT 1 FROM batch b WHERE b.file = f.id
        AND b.path = CASE f.folder WHEN '' THEN f.name ELSE f.folder || '/' || f.name END)
ORDER BY f.id LIMIT :limit;
