-- From schema 4 to 5: what is handed to others, what became of it, and requests for deletion.

-- What waits to be handed over; written in the transaction that decides it. `due`: not before, or until when it is lent
-- out. `dead`: given up, until somebody replays it.
CREATE TABLE outbox (
  destination TEXT    NOT NULL,
  id          TEXT    NOT NULL,
  person      TEXT    NOT NULL,
  kind        TEXT    NOT NULL,
  at          INTEGER NOT NULL,
  body        TEXT    NOT NULL,
  attempts    INTEGER NOT NULL,
  due         INTEGER NOT NULL,
  dead        INTEGER NOT NULL,
  PRIMARY KEY (destination, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_by_due ON outbox (destination, dead, due);
CREATE INDEX outbox_by_person ON outbox (person);

-- What became of each parcel: the latest attempt. `outcome`: 1 delivered, 2 to be tried again, 3 given up. `person` is
-- emptied when the person is deleted.
CREATE TABLE delivery_log (
  destination TEXT    NOT NULL,
  id          TEXT    NOT NULL,
  person      TEXT    NOT NULL,
  kind        TEXT    NOT NULL,
  outcome     INTEGER NOT NULL,
  attempts    INTEGER NOT NULL,
  at          INTEGER NOT NULL,
  reason      TEXT    NOT NULL,
  PRIMARY KEY (destination, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX delivery_log_by_time ON delivery_log (at);
CREATE INDEX delivery_log_by_person ON delivery_log (person);

-- Who is not to be written to. `who`: a person's id, or SHA-256 (hex) of an address in lower case.
CREATE TABLE suppressions (
  channel TEXT    NOT NULL,
  who     TEXT    NOT NULL,
  at      INTEGER NOT NULL,
  reason  TEXT    NOT NULL,
  PRIMARY KEY (channel, who)
) STRICT, WITHOUT ROWID;

-- Requests for deletion. `value` and `original` are emptied when everything was done; `digest` is that of the token.
CREATE TABLE deletion_requests (
  requester TEXT    NOT NULL,
  number    TEXT    NOT NULL,
  digest    TEXT    NOT NULL,
  origin    TEXT    NOT NULL,
  matter    TEXT    NOT NULL,
  namespace INTEGER NOT NULL,
  value     BLOB    NOT NULL,
  original  TEXT    NOT NULL,
  received  INTEGER NOT NULL,
  erased    INTEGER,
  completed INTEGER,
  proof     TEXT    NOT NULL,
  PRIMARY KEY (requester, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX deletion_requests_by_state ON deletion_requests (completed, received);
