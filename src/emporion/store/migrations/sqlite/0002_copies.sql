-- How far a copy from another database has come; empty but for while one is under way or was cut short.
CREATE TABLE copies (
    name TEXT PRIMARY KEY,
    after TEXT NOT NULL,
    rows INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
