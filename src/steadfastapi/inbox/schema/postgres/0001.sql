CREATE TABLE issues (
    id text PRIMARY KEY,
    title text NOT NULL,
    level text NOT NULL,
    event text NOT NULL,
    route text,
    culprit text NOT NULL,
    state text NOT NULL,
    count bigint NOT NULL,
    users bigint NOT NULL,
    first_seen double precision NOT NULL,
    last_seen double precision NOT NULL,
    resolved_in text,
    state_at double precision
);
CREATE INDEX issues_by_last_seen ON issues (last_seen, id);
CREATE INDEX issues_by_first_seen ON issues (first_seen, id);
CREATE INDEX issues_by_count ON issues (count, id);

CREATE TABLE entries (
    n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text NOT NULL UNIQUE,
    issue text NOT NULL,
    at double precision NOT NULL,
    level text NOT NULL,
    event text NOT NULL,
    route text,
    release text NOT NULL,
    words tsvector NOT NULL,
    body text NOT NULL
);
CREATE INDEX entries_by_issue ON entries (issue, n);
CREATE INDEX entries_by_time ON entries (at);
-- Without its list of pending entries, which every search would have to read.
CREATE INDEX entries_by_words ON entries USING gin (words) WITH (fastupdate = off);

CREATE TABLE hours (
    issue text NOT NULL,
    hour bigint NOT NULL,
    count bigint NOT NULL,
    PRIMARY KEY (issue, hour)
);
CREATE TABLE issue_users (
    issue text NOT NULL,
    "user" text NOT NULL,
    PRIMARY KEY (issue, "user")
);
CREATE TABLE issue_releases (
    issue text NOT NULL,
    release text NOT NULL,
    first_seen double precision NOT NULL,
    PRIMARY KEY (issue, release)
);
CREATE TABLE releases (
    release text PRIMARY KEY,
    first_seen double precision NOT NULL
);
CREATE TABLE batches (
    id text PRIMARY KEY,
    at double precision NOT NULL
);
CREATE TABLE claims (
    key text PRIMARY KEY,
    expires double precision NOT NULL
);
