-- What partners know of our people, and which imported records were found alike.

-- Partners' own ids, verbatim, since a digest is of no use to them. `atype`: what it names (AdCOM, "Agent Types").
CREATE TABLE partner_ids (
  identifier INTEGER PRIMARY KEY REFERENCES identifiers(id),
  source     TEXT    NOT NULL,
  id         TEXT    NOT NULL,
  atype      INTEGER NOT NULL
) STRICT;

-- Segments of second and third parties. `price`: of a thousand uses, in millionths; `needs`: 0 nothing, 1 personalise, 2 share.
CREATE TABLE bought (
  identifier INTEGER NOT NULL REFERENCES identifiers(id),
  provider   TEXT    NOT NULL,
  taxonomy   INTEGER NOT NULL,
  segment    TEXT    NOT NULL,
  price      INTEGER NOT NULL,
  currency   TEXT    NOT NULL,
  until      INTEGER NOT NULL,
  needs      INTEGER NOT NULL,
  vendor     INTEGER,
  PRIMARY KEY (identifier, provider, taxonomy, segment)
) STRICT, WITHOUT ROWID;
CREATE INDEX bought_by_end ON bought (until);

-- Records that were found alike: how likely one person's, and what each column says in bits. `tied`: since when it is evidence.
CREATE TABLE proposals (
  a           INTEGER NOT NULL REFERENCES identifiers(id),
  b           INTEGER NOT NULL REFERENCES identifiers(id),
  source      TEXT    NOT NULL,
  probability REAL    NOT NULL,
  evidence    TEXT    NOT NULL,
  at          INTEGER NOT NULL,
  tied        INTEGER,
  PRIMARY KEY (a, b, source)
) STRICT, WITHOUT ROWID;
