-- The bytes of files. What SQLite says in its own way.

-- name: file_contents
-- The contents that files have.
SELECT content FROM file;
