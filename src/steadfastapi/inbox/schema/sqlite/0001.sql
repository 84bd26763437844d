CREATE TABLE issues (
    id TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    level TEXT NOT NULL,
    event TEXT NOT NULL,
    route TEXT,
    culprit TEXT NOT NULL,
    state TEXT NOT NULL,
    count INTEGER NOT NULL,
    users INTEGER NOT NULL,
    first_seen REAL NOT NULL,
    last_seen REAL NOT NULL,
    resolved_in TEXT,
    state_at REAL
) WITHOUT ROWID;
CREATE INDEX issues_by_last_seen ON issues (last_seen, id);
CREATE INDEX issues_by_first_seen ON issues (first_seen, id);
CREATE INDEX issues_by_count ON issues (count, id);

CREATE TABLE entries (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    issue TEXT NOT NULL,
    at REAL NOT NULL,
    level TEXT NOT NULL,
    event TEXT NOT NULL,
    route TEXT,
    release TEXT NOT NULL,
    words TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX entries_by_issue ON entries (issue, n);
CREATE INDEX entries_by_time ON entries (at);

-- Words come from Python, separated by spaces: this tokenizer only splits there.
CREATE VIRTUAL TABLE entry_words USING fts5 (
    words, content = 'entries', content_rowid = 'n',
    tokenize = 'ascii', detail = 'none', prefix = '3'
);
CREATE TRIGGER entry_added AFTER INSERT ON entries BEGIN
    INSERT INTO entry_words (rowid, words) VALUES (new.n, new.words);
END;
CREATE TRIGGER entry_removed AFTER DELETE ON entries BEGIN
    INSERT INTO entry_words (entry_words, rowid, words)
    VALUES ('delete', old.n, old.words);
END;

CREATE TABLE hours (
    issue TEXT NOT NULL,
    hour INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (issue, hour)
) WITHOUT ROWID;
CREATE TABLE issue_users (
    issue TEXT NOT NULL,
    user TEXT NOT NULL,
    PRIMARY KEY (issue, user)
) WITHOUT ROWID;
CREATE TABLE issue_releases (
    issue TEXT NOT NULL,
    release TEXT NOT NULL,
    first_seen REAL NOT NULL,
    PRIMARY KEY (issue, release)
) WITHOUT ROWID;
CREATE TABLE releases (
    release TEXT PRIMARY KEY,
    first_seen REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE batches (
    id TEXT PRIMARY KEY,
    at REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE claims (
    key TEXT PRIMARY KEY,
    expires REAL NOT NULL
) WITHOUT ROWID;
