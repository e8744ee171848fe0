-- From schema 1 to 2: what is answered to a device, and what was forgotten. Also run on a new store, after 1-syncs.sql.

-- Receipts are answered by visitor, and a visitor is forgotten as one.
CREATE INDEX messages_by_visitor ON messages (visitor);
CREATE INDEX identities_by_visitor ON identities (visitor);

-- Who is in which segment, as a CRM or a warehouse said. `namespace` 0: `who` is a pseudonym; else a digest of that kind.
CREATE TABLE memberships (
  namespace INTEGER NOT NULL,
  who       BLOB    NOT NULL,
  segment   INTEGER NOT NULL,
  inside    INTEGER NOT NULL,
  as_of     INTEGER NOT NULL,
  PRIMARY KEY (namespace, who, segment)
) STRICT, WITHOUT ROWID;

-- What is left of a visitor who took something back: a keyed hash of the pseudonym, and until when (the device's time) what came
-- under measure and share is let go. `everything`: no message of this pseudonym is ever stored again.
CREATE TABLE tombstones (
  who        BLOB    PRIMARY KEY,
  everything INTEGER NOT NULL,
  measured   INTEGER NOT NULL,
  shared     INTEGER NOT NULL,
  received   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The key of those hashes, made with the store.
CREATE TABLE tombstone_key (key BLOB NOT NULL) STRICT;
INSERT INTO tombstone_key (key) VALUES (randomblob(32));
