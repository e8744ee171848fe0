-- From schema 7 to 8: what is to be seen in no lake any more, what was deleted, and what lets rows be found by age.

-- Universal ids whose rows no view of a lake shows. `scope`: everything, measured (until the device's time `until`), shared.
-- A row of a lake is hidden by tombstones with a larger id than the last one that was there when it was read.
CREATE TABLE lake_tombstones (
  id    INTEGER PRIMARY KEY,
  uid   BLOB    NOT NULL,
  scope TEXT    NOT NULL,
  until INTEGER,
  at    INTEGER NOT NULL
) STRICT;

-- Proofs of deletion. `who`: keyed hash of whom it was, by which the same question finds it again and nobody is told from it.
CREATE TABLE deletions (
  id           TEXT    PRIMARY KEY,
  at           INTEGER NOT NULL,
  requested_by TEXT    NOT NULL,
  who          BLOB    NOT NULL,
  counts       TEXT    NOT NULL,
  tombstone    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX deletions_by_time ON deletions (at);

-- What is kept for so long is found by its age.
CREATE INDEX messages_by_time ON messages (received);
CREATE INDEX impressions_by_day ON impressions (day);
CREATE INDEX edges_by_time ON edges (received);

-- For people at the prompt of SQLite, and for SQLite alone: PostgreSQL stops reading here. It gives no number twice; SQLite
-- would give the number of the last row again once that row is deleted, and whoever reads on from a number would
-- miss what came under it.
CREATE TABLE numbered (
  id       INTEGER PRIMARY KEY AUTOINCREMENT,
  replica  INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  visitor  INTEGER NOT NULL REFERENCES visitors(id),
  bundle   INTEGER NOT NULL,
  began    INTEGER NOT NULL,
  dropped  INTEGER NOT NULL,
  entries  INTEGER NOT NULL,
  bytes    INTEGER NOT NULL,
  digest   INTEGER NOT NULL,
  received INTEGER NOT NULL,
  UNIQUE (replica, sequence)
) STRICT;
INSERT INTO numbered SELECT id, replica, sequence, visitor, bundle, began, dropped, entries, bytes, digest, received FROM messages;
DROP TABLE messages;
ALTER TABLE numbered RENAME TO messages;
CREATE INDEX messages_by_visitor ON messages (visitor);
CREATE INDEX messages_by_time ON messages (received);

CREATE TABLE numbered (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  identifier INTEGER NOT NULL REFERENCES identifiers(id),
  kind       INTEGER NOT NULL,
  name       TEXT    NOT NULL,
  source     TEXT    NOT NULL,
  at         INTEGER NOT NULL,
  received   INTEGER NOT NULL,
  value      INTEGER NOT NULL,
  permitted  INTEGER NOT NULL,
  message    BLOB    NOT NULL,
  body       TEXT    NOT NULL
) STRICT;
INSERT INTO numbered SELECT id, identifier, kind, name, source, at, received, value, permitted, message, body FROM events;
DROP TABLE events;
ALTER TABLE numbered RENAME TO events;
CREATE INDEX events_by_identifier ON events (identifier, at);
CREATE INDEX events_by_time ON events (received);
