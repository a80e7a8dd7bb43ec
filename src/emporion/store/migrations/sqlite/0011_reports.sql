-- Of each collection, how many documents a reseller has: the last ordinal, since none is deleted.
CREATE TABLE counters (
    reseller_id INTEGER NOT NULL,
    collection TEXT NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (reseller_id, collection)
) STRICT, WITHOUT ROWID;

-- due_at: when a worker is to look at it.
CREATE TABLE reports (
    reseller_id INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    due_at INTEGER,
    name_folded TEXT NOT NULL,
    format TEXT NOT NULL,
    status TEXT NOT NULL,
    type TEXT NOT NULL,
    document BLOB NOT NULL,
    PRIMARY KEY (reseller_id, ordinal)
) STRICT;
CREATE UNIQUE INDEX reports_by_reseller ON reports (reseller_id, id);
CREATE INDEX reports_by_id ON reports (id);
CREATE INDEX reports_unfinished ON reports (reseller_id) WHERE status IN ('submitted', 'processing');
CREATE INDEX reports_by_due ON reports (due_at, id) WHERE due_at IS NOT NULL;

CREATE TABLE report_files (
    reseller_id INTEGER NOT NULL,
    report_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (reseller_id, report_id, number)
) STRICT;
