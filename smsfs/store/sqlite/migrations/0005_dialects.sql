-- What systems with several folders, connectors and e-mails need beside the rest.

-- A connector is an account that belongs to another.
ALTER TABLE account ADD COLUMN parent INTEGER REFERENCES account;
CREATE INDEX account_of_parent ON account (parent) WHERE parent IS NOT NULL;

-- SMS that an account may still send; without a row there is no limit.
CREATE TABLE credit (
    account INTEGER PRIMARY KEY REFERENCES account ON DELETE CASCADE,
    amount INTEGER NOT NULL CHECK (amount >= 0)
) STRICT;

-- What no other batch of the account may use for a while: a file's name, a recipient.
CREATE TABLE claim (
    account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    key TEXT NOT NULL,
    batch INTEGER NOT NULL,
    until REAL NOT NULL,
    PRIMARY KEY (account, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX claim_of_batch ON claim (batch);
CREATE INDEX claim_until ON claim (until);

-- E-mails about batches, sent and to be sent.
CREATE TABLE notice (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    batch INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('verdict', 'window')),
    address TEXT NOT NULL,
    due REAL NOT NULL,
    failures INTEGER NOT NULL DEFAULT 0,
    sent REAL,                                  -- when, or when it was given up
    UNIQUE (batch, kind, address)
) STRICT;
CREATE INDEX notice_due ON notice (due) WHERE sent IS NULL;
