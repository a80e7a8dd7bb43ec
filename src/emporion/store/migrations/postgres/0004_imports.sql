-- Imports of customers from files. A worker takes what no process holds, of whatever reseller; held_until in
-- milliseconds since 1970. stored: the content is in import_parts, else the process that imports reads it. The table
-- of imports belongs to the whole platform; what they consist of belongs to the reseller.
CREATE TABLE imports (
    id text COLLATE "C" PRIMARY KEY,
    reseller_id bigint NOT NULL,
    state text NOT NULL,
    stored boolean NOT NULL,
    holder text NOT NULL DEFAULT '',
    held_until bigint NOT NULL DEFAULT 0,
    created_at bigint NOT NULL,
    document bytea NOT NULL
);
CREATE INDEX imports_by_reseller ON imports (reseller_id, created_at);
CREATE INDEX imports_by_time ON imports (created_at);
CREATE INDEX imports_to_do ON imports (created_at) WHERE stored AND state IN ('checking', 'running');

CREATE TABLE import_parts (
    reseller_id bigint,
    import_id text COLLATE "C",
    number int,
    content bytea NOT NULL,
    PRIMARY KEY (reseller_id, import_id, number)
);
-- It is read once, so it is not compressed.
ALTER TABLE import_parts ALTER COLUMN content SET STORAGE EXTERNAL;

-- Rows that are faulty or were refused. kept: the row to be sent again, null after a mere check.
CREATE TABLE import_faults (
    reseller_id bigint,
    import_id text COLLATE "C",
    number bigint,
    line bigint NOT NULL,
    faults text NOT NULL,
    kept bytea,
    PRIMARY KEY (reseller_id, import_id, number)
);
