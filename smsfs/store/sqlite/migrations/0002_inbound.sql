-- What carriers deliver: receipts, replies, and who wants no more messages.

-- The MSISDN a message went to, where a receipt or a reply may come for it, and when a receipt says it was done.
ALTER TABLE outcome ADD COLUMN recipient INTEGER;
ALTER TABLE outcome ADD COLUMN done REAL;
CREATE INDEX outcome_of_carrier ON outcome (carrier_id) WHERE recipient IS NOT NULL;
CREATE INDEX outcome_of_recipient ON outcome (recipient) WHERE recipient IS NOT NULL;

-- Receipts whose message is not known so far; the others are outcomes.
CREATE TABLE receipt (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    backend TEXT NOT NULL,
    carrier_id TEXT NOT NULL,                   -- '' if it could not be read
    recipient INTEGER,
    event TEXT NOT NULL,                        -- '' if it could not be read
    code TEXT NOT NULL,
    reason TEXT NOT NULL,
    done REAL,                                  -- by the carrier's clock
    at REAL NOT NULL,
    due REAL                                    -- when it is looked at again; NULL: never
) STRICT;
CREATE INDEX receipt_due ON receipt (due) WHERE due IS NOT NULL;
CREATE INDEX receipt_at ON receipt (at);

CREATE TABLE reply (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    backend TEXT NOT NULL,
    sender TEXT NOT NULL,
    recipient TEXT NOT NULL,
    text TEXT NOT NULL,
    whole INTEGER NOT NULL,                     -- 0: parts of it never came
    at REAL NOT NULL,
    account INTEGER REFERENCES account ON DELETE CASCADE,
    batch INTEGER,                              -- of the message it answers; it may be forgotten by now
    row INTEGER
) STRICT;
CREATE INDEX reply_of_account ON reply (account, at);

-- Parts of replies, kept for a while after they were put together, so that one delivered again is known.
CREATE TABLE reply_part (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    backend TEXT NOT NULL,
    sender TEXT NOT NULL,
    recipient TEXT NOT NULL,
    reference INTEGER NOT NULL,
    part INTEGER NOT NULL,
    total INTEGER NOT NULL,
    text BLOB NOT NULL,                         -- UTF-16-BE: a character may be cut in halves
    at REAL NOT NULL,
    reply INTEGER                               -- what it has become a part of
) STRICT;
CREATE INDEX reply_part_of_sender ON reply_part (sender, reference);
CREATE INDEX reply_part_open ON reply_part (at) WHERE reply IS NULL;

CREATE TABLE optout (
    account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    msisdn INTEGER NOT NULL,
    since REAL NOT NULL,
    source TEXT NOT NULL,                       -- what put it there
    PRIMARY KEY (account, msisdn)
) STRICT, WITHOUT ROWID;
