-- Of each collection, how many documents a reseller has: the last ordinal, since none is deleted.
CREATE TABLE counters (
    reseller_id bigint NOT NULL,
    collection text COLLATE "C" NOT NULL,
    last bigint NOT NULL,
    PRIMARY KEY (reseller_id, collection)
);

-- due_at: when a worker is to look at it.
CREATE TABLE reports (
    reseller_id bigint NOT NULL,
    ordinal bigint NOT NULL,
    id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    created_at bigint NOT NULL,
    due_at bigint,
    name_folded text COLLATE "C" NOT NULL,
    format text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    document bytea NOT NULL,
    PRIMARY KEY (reseller_id, ordinal)
);
CREATE UNIQUE INDEX reports_by_reseller ON reports (reseller_id, id);
CREATE INDEX reports_by_id ON reports (id);
CREATE INDEX reports_unfinished ON reports (reseller_id) WHERE status IN ('submitted', 'processing');
CREATE INDEX reports_by_due ON reports (due_at, id) WHERE due_at IS NOT NULL;

CREATE TABLE report_files (
    reseller_id bigint NOT NULL,
    report_id text COLLATE "C" NOT NULL,
    number bigint NOT NULL,
    content bytea NOT NULL,
    PRIMARY KEY (reseller_id, report_id, number)
);
