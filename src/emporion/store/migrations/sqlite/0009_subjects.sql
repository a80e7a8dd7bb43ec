-- subject_type and subject_id: what an event is about, null where that is the account itself. Until now the names of
-- users, keys, clients and signing keys stood in reason alone.
ALTER TABLE events RENAME COLUMN door TO source;
ALTER TABLE events ADD COLUMN subject_type TEXT;
ALTER TABLE events ADD COLUMN subject_id TEXT;
UPDATE events SET
    subject_type = CASE substr(type, 1, instr(type, '.') - 1) WHEN 'platform' THEN 'signingKey'
        ELSE substr(type, 1, instr(type, '.') - 1) END,
    subject_id = CASE
        WHEN reason LIKE 'user %:%' THEN substr(reason, 6, instr(reason, ':') - 6)
        WHEN reason LIKE 'user %' THEN substr(reason, 6)
        WHEN reason LIKE 'key %' THEN substr(reason, 5)
        WHEN reason LIKE 'client %' THEN substr(reason, 8)
        ELSE substr(reason, 13, instr(substr(reason, 13), ' ') - 1)
    END
WHERE (reseller_id, sequence) IN (
    SELECT e.reseller_id, e.sequence FROM resellers r
    CROSS JOIN events e ON e.reseller_id = r.reseller_id AND e.account_id = r.reseller_id
    WHERE e.type IN ('user.created', 'user.updated') AND e.reason LIKE 'user %'
        OR e.type IN ('key.created', 'key.updated') AND e.reason LIKE 'key %'
        OR e.type IN ('client.created', 'client.updated') AND e.reason LIKE 'client %'
        OR e.type = 'platform.updated' AND e.reason LIKE 'signing key % %'
);
CREATE INDEX events_by_subject ON events (subject_type, subject_id, reseller_id, sequence)
    WHERE subject_id IS NOT NULL;
-- The position of an event is found by the part of the feed that it is in.
CREATE UNIQUE INDEX feed_by_last ON feed (reseller_id, last);

-- What was made by the request that was answered.
CREATE TABLE new_answers (
    reseller_id INTEGER NOT NULL,
    key TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    subject_type TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    at INTEGER NOT NULL,
    document BLOB NOT NULL,
    PRIMARY KEY (reseller_id, key)
) STRICT, WITHOUT ROWID;
INSERT INTO new_answers
SELECT w.reseller_id, w.key, w.fingerprint, a.kind, CAST(a.id AS TEXT), w.at, w.document
FROM answers w JOIN accounts a ON a.id = w.account_id;
DROP TABLE answers;
ALTER TABLE new_answers RENAME TO answers;
CREATE INDEX answers_by_time ON answers (at);

UPDATE imports SET document = CAST(replace(CAST(document AS TEXT), ',"door":"', ',"source":"') AS BLOB);
