-- What messages cost, where the carrier tells it: a decimal number, and a currency behind a blank if it is known.
ALTER TABLE outcome ADD COLUMN price TEXT;
ALTER TABLE receipt ADD COLUMN price TEXT;
