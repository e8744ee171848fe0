-- From schema 3 to 4: events from everywhere, who is who, and what could not be read.

-- Who may send events. `hash`: SHA-256 of the secret; `kind`: 1 browser, 2 server; `permitted`: bits, where an event says nothing.
CREATE TABLE write_keys (
  hash    BLOB    PRIMARY KEY,
  name    TEXT    NOT NULL,
  kind    INTEGER NOT NULL,
  rate    INTEGER NOT NULL,
  origins TEXT    NOT NULL,
  permitted INTEGER NOT NULL,
  created INTEGER NOT NULL,
  expires INTEGER
) STRICT, WITHOUT ROWID;

-- What a repeat is known by, within the window.
CREATE TABLE seen (
  message  BLOB    PRIMARY KEY,
  received INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX seen_by_time ON seen (received);

-- Ways by which somebody is known. `uid`: keyed hash of the identifier; `person`: the identifier at whose `uid` the person goes.
CREATE TABLE identifiers (
  id        INTEGER PRIMARY KEY,
  namespace INTEGER NOT NULL,
  value     BLOB    NOT NULL,
  forms     INTEGER NOT NULL,
  uid       BLOB    NOT NULL UNIQUE,
  floor     INTEGER NOT NULL,
  first_at  INTEGER NOT NULL,
  person    INTEGER NOT NULL,
  shared    INTEGER NOT NULL,
  UNIQUE (namespace, value)
) STRICT;
CREATE INDEX identifiers_by_person ON identifiers (person);

-- Evidence that two identifiers are one person's, by rule and source. `a` < `b`. `withdrawn`: since when it counts no more.
CREATE TABLE edges (
  a          INTEGER NOT NULL REFERENCES identifiers(id),
  b          INTEGER NOT NULL REFERENCES identifiers(id),
  rule       INTEGER NOT NULL,
  source     TEXT    NOT NULL,
  evidence   BLOB    NOT NULL,
  confidence INTEGER NOT NULL,
  permitted  INTEGER NOT NULL,
  first_at   INTEGER NOT NULL,
  received   INTEGER NOT NULL,
  withdrawn  INTEGER,
  PRIMARY KEY (a, b, rule, source)
) STRICT, WITHOUT ROWID;
CREATE INDEX edges_by_b ON edges (b, a);
CREATE INDEX edges_by_source ON edges (source, first_at);

-- Pairs that are never tied again, whatever is told, until somebody takes this back.
CREATE TABLE cuts (
  a  INTEGER NOT NULL,
  b  INTEGER NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (a, b)
) STRICT, WITHOUT ROWID;

-- Persons whose members changed, by the identifiers at whose ids they went or go: what is kept of them is made anew.
CREATE TABLE stale (
  person INTEGER PRIMARY KEY,
  since  INTEGER NOT NULL
) STRICT;

-- What was done and said. It hangs on the identifier that it was told of, so that merging and unmerging move no row.
CREATE TABLE events (
  id         INTEGER PRIMARY KEY,
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
CREATE INDEX events_by_identifier ON events (identifier, at);
CREATE INDEX events_by_time ON events (received);

-- Where somebody can be reached, as a program of the shop's own said.
CREATE TABLE contacts (
  identifier INTEGER NOT NULL REFERENCES identifiers(id),
  channel    TEXT    NOT NULL,
  address    TEXT    NOT NULL,
  at         INTEGER NOT NULL,
  PRIMARY KEY (identifier, channel)
) STRICT, WITHOUT ROWID;

-- What could not be read, kept until it is replayed or dropped.
CREATE TABLE dead_letters (
  id       INTEGER PRIMARY KEY,
  received INTEGER NOT NULL,
  source   TEXT    NOT NULL,
  path     TEXT    NOT NULL,
  position INTEGER NOT NULL,
  code     TEXT    NOT NULL,
  field    TEXT    NOT NULL,
  message  TEXT    NOT NULL,
  body     BLOB    NOT NULL,
  digest   BLOB    NOT NULL UNIQUE,
  replayed INTEGER
) STRICT;
CREATE INDEX dead_letters_by_time ON dead_letters (received);

-- What the engine remembers of a whole person, by the identifier at whose id the person goes.
CREATE TABLE profiles (
  person INTEGER PRIMARY KEY,
  bytes  BLOB    NOT NULL,
  at     INTEGER NOT NULL
) STRICT;

-- Which segments a person was in when it was last looked, and since when that is so.
CREATE TABLE standings (
  person  INTEGER NOT NULL,
  segment INTEGER NOT NULL,
  inside  INTEGER NOT NULL,
  since   INTEGER NOT NULL,
  PRIMARY KEY (person, segment)
) STRICT, WITHOUT ROWID;
CREATE INDEX standings_by_segment ON standings (segment, inside);

-- Exposures that partners report: who saw which campaign on which day (UTC), in which channel, how often.
CREATE TABLE impressions (
  identifier INTEGER NOT NULL REFERENCES identifiers(id),
  campaign   INTEGER NOT NULL,
  day        INTEGER NOT NULL,
  channel    TEXT    NOT NULL,
  source     TEXT    NOT NULL,
  count      INTEGER NOT NULL,
  PRIMARY KEY (identifier, campaign, day, channel, source)
) STRICT, WITHOUT ROWID;

-- Business facts by feed, place and item. `version` is that of the feed when the level last changed.
CREATE TABLE feeds (
  feed    TEXT    PRIMARY KEY,
  version INTEGER NOT NULL,
  at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE levels (
  feed    TEXT    NOT NULL,
  place   TEXT    NOT NULL,
  item    TEXT    NOT NULL,
  level   INTEGER NOT NULL,
  as_of   INTEGER NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (feed, place, item)
) STRICT, WITHOUT ROWID;
CREATE INDEX levels_by_version ON levels (feed, version);
