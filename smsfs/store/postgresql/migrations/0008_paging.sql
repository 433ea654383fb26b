-- Folders are read by pages in the order of the names' bytes, the same on every engine and whatever the
-- database's locale; the index that finds a name then gives them in that order.
ALTER TABLE file ALTER COLUMN name TYPE TEXT COLLATE "C";
