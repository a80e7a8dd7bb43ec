-- Imports of customers from files. A worker takes what no process holds, of whatever reseller; held_until in
-- milliseconds since 1970. stored: the content is in import_parts, else the process that imports reads it.
CREATE TABLE imports (
    id TEXT PRIMARY KEY,
    reseller_id INTEGER NOT NULL,
    state TEXT NOT NULL,
    stored INTEGER NOT NULL,
    holder TEXT NOT NULL DEFAULT '',
    held_until INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    document BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX imports_by_reseller ON imports (reseller_id, created_at);
CREATE INDEX imports_by_time ON imports (created_at);
CREATE INDEX imports_to_do ON imports (created_at) WHERE stored AND state IN ('checking', 'running');

CREATE TABLE import_parts (
    reseller_id INTEGER NOT NULL,
    import_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (reseller_id, import_id, number)
) STRICT;

-- Rows that are faulty or were refused. kept: the row to be sent again, null after a mere check.
CREATE TABLE import_faults (
    reseller_id INTEGER NOT NULL,
    import_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    line INTEGER NOT NULL,
    faults TEXT NOT NULL,
    kept BLOB,
    PRIMARY KEY (reseller_id, import_id, number)
) STRICT;
