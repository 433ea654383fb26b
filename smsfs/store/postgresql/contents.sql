-- The bytes of files. What PostgreSQL says in its own way.

-- name: content_add
-- Add an empty content.
INSERT INTO content (id, size, changed) VALUES (:content, 0, extract(epoch FROM clock_timestamp()));

-- name: content_unsynced
-- Let the commit of this transaction wait for no disk.
SELECT set_config('synchronous_commit', 'off', true);

-- name: content_get
-- The size of a content, and when it was changed.
SELECT size, changed FROM content WHERE id = :content;

-- name: content_hold
-- The size of a content, which nobody else changes until the transaction ends.
SELECT size, changed FROM content WHERE id = :content FOR UPDATE;

-- name: content_resize
-- Note a content's size.
-- Later each time, whatever the clock does: a writer sees by it that a change of its own was lost.
UPDATE content SET size = :size, changed = greatest(changed + 0.00001, extract(epoch FROM clock_timestamp()))
WHERE id = :content RETURNING changed;

-- name: content_drop
-- Delete contents.
DELETE FROM content WHERE id = ANY(:contents);

-- name: content_orphans
-- Old contents that no file has.
SELECT id FROM content c WHERE changed < :older_than AND NOT EXISTS (SELECT 1 FROM file WHERE content = c.id)
ORDER BY id;

-- name: content_missing
-- Files whose content is missing.
SELECT f.*, NULL AS writers FROM file f WHERE NOT EXISTS (SELECT 1 FROM content WHERE id = f.content) ORDER BY id;

-- name: piece_get
-- Some pieces of a content.
SELECT number, data FROM piece WHERE content = :content AND number BETWEEN :first AND :last ORDER BY number;

-- name: content_read
-- The size of a content, with some of its pieces if there are any.
SELECT c.size, p.number, p.data FROM content c
LEFT JOIN piece p ON p.content = c.id AND p.number BETWEEN :first AND :last
WHERE c.id = :content ORDER BY p.number;

-- name: piece_put
-- Write a piece of a content.
INSERT INTO piece (content, number, data) VALUES (:content, :number, :data)
ON CONFLICT (content, number) DO UPDATE SET data = excluded.data;

-- name: piece_cut
-- Shorten a piece of a content.
UPDATE piece SET data = substring(data FROM 1 FOR :size) WHERE content = :content AND number = :number;

-- name: piece_drop
-- Delete the pieces of a content from a certain one on.
DELETE FROM piece WHERE content = :content AND number >= :first;
