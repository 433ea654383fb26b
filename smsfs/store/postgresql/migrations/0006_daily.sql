-- Reports of each day.

-- The days whose reports are made, whether their files are still there or not.
CREATE TABLE daily_report (
    account BIGINT NOT NULL REFERENCES account ON DELETE CASCADE,
    day TEXT NOT NULL,                          -- as 2026-11-22, in UTC
    PRIMARY KEY (account, day)
);

-- To find what became of messages on one day. Rows come in about this order, so that blocks of them suffice.
CREATE INDEX outcome_at ON outcome USING brin (at);
