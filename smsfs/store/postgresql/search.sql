-- What an operator looks for among messages. What PostgreSQL says in its own way.

-- name: search_holding
-- Slices that may have a message to a number, those of which nobody knows among them.
SELECT s.id, s.batch, s.first_row, s.last_row FROM slice s LEFT JOIN recipients r ON r.slice = s.id
WHERE (s.batch, s.first_row) > (:batch, :row) AND s.batch <= :last AND s.again = 0 AND s.state <> 'staged'
    AND (r.numbers IS NULL OR position(CAST(:sought AS BYTEA) IN r.numbers) > 0)
ORDER BY s.batch, s.first_row LIMIT :limit;
