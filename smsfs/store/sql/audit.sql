-- The record of what operators did.

-- name: audit_add
-- Record something that an operator does.
INSERT INTO audit (at, who, origin, verb, target, options, result)
VALUES (:at, :who, :origin, :verb, :target, :options, :result) RETURNING id;

-- name: audit_conclude
-- Add what came of it.
UPDATE audit SET result = :result WHERE id = :entry;

-- name: audit_page
-- Some of the record, newest first.
SELECT * FROM audit WHERE id < :before ORDER BY id DESC LIMIT :limit;
