-- The collector's store, schema 1. Read docs/collector.md beside this file.
--
-- Conventions: times are Unix milliseconds; ids and hashes of 64 bits keep their bits (so SQLite shows large ones as
-- negative numbers); keys are the stable 32-bit keys of the bundle format; "none" is NULL.

CREATE TABLE about (
  key   TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE visitors (
  id             INTEGER PRIMARY KEY,
  pseudonym      BLOB    NOT NULL UNIQUE,
  first_received INTEGER NOT NULL,
  last_received  INTEGER NOT NULL
) STRICT;

-- One row for each sync that was answered 200. The unique key is what makes a repeat harmless.
CREATE TABLE messages (
  id       INTEGER PRIMARY KEY,
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

-- Keyed by the visitor first: one visit's rows stand together, so a sync touches few pages.
CREATE TABLE decisions (
  visitor     INTEGER NOT NULL REFERENCES visitors(id),
  decision    INTEGER NOT NULL,
  at          INTEGER NOT NULL,
  placement   INTEGER NOT NULL,
  campaign    INTEGER,
  creative    INTEGER,
  reason      INTEGER NOT NULL,
  probability INTEGER NOT NULL,
  withheld    INTEGER,
  message     INTEGER NOT NULL REFERENCES messages(id),
  PRIMARY KEY (visitor, decision)
) STRICT, WITHOUT ROWID;

CREATE TABLE exposures (
  visitor  INTEGER NOT NULL REFERENCES visitors(id),
  decision INTEGER NOT NULL,
  at       INTEGER NOT NULL,
  message  INTEGER NOT NULL REFERENCES messages(id),
  PRIMARY KEY (visitor, decision)
) STRICT, WITHOUT ROWID;
CREATE INDEX exposures_by_time ON exposures (visitor, at);

-- `told` is the decision that the device named, `decision` the one that gets the credit.
CREATE TABLE outcomes (
  visitor  INTEGER NOT NULL REFERENCES visitors(id),
  at       INTEGER NOT NULL,
  message  INTEGER NOT NULL REFERENCES messages(id),
  position INTEGER NOT NULL,
  event    INTEGER NOT NULL,
  value    INTEGER NOT NULL,
  told     INTEGER,
  decision INTEGER,
  PRIMARY KEY (visitor, at, message, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX outcomes_by_decision ON outcomes (visitor, decision) WHERE decision IS NOT NULL;

CREATE TABLE identities (
  namespace      INTEGER NOT NULL,
  digest         BLOB    NOT NULL,
  visitor        INTEGER NOT NULL REFERENCES visitors(id),
  message        INTEGER NOT NULL REFERENCES messages(id),
  first_received INTEGER NOT NULL,
  PRIMARY KEY (namespace, digest, visitor)
) STRICT, WITHOUT ROWID;

-- What the keys are called, learned from every bundle that was served; never forgotten, since rows outlive bundles.
CREATE TABLE names (
  kind TEXT    NOT NULL,
  key  INTEGER NOT NULL,
  name TEXT    NOT NULL,
  PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;

-- Running sums, moved in the same transaction as the rows they count. `counts::recount` derives them again.
CREATE TABLE campaign_counts (
  campaign  INTEGER PRIMARY KEY,
  decisions INTEGER NOT NULL,
  exposures INTEGER NOT NULL,
  clicks    INTEGER NOT NULL,
  outcomes  INTEGER NOT NULL,
  withheld  INTEGER NOT NULL
) STRICT;

CREATE TABLE reason_counts (
  reason    INTEGER PRIMARY KEY,
  decisions INTEGER NOT NULL
) STRICT;

CREATE TABLE totals (
  name  TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- For people at the prompt of SQLite; PostgreSQL stops reading here.
CREATE VIEW readable_decisions AS
SELECT datetime(d.at / 1000, 'unixepoch') AS at, hex(v.pseudonym) AS visitor, printf('%016x', d.decision) AS decision,
       p.name AS placement, c.name AS campaign, r.name AS creative, d.reason, d.probability, w.name AS withheld,
       e.at IS NOT NULL AS exposed
FROM decisions d
JOIN visitors v ON v.id = d.visitor
LEFT JOIN exposures e ON e.visitor = d.visitor AND e.decision = d.decision
LEFT JOIN names p ON p.kind = 'placement' AND p.key = d.placement
LEFT JOIN names c ON c.kind = 'campaign' AND c.key = d.campaign
LEFT JOIN names r ON r.kind = 'creative' AND r.key = d.creative
LEFT JOIN names w ON w.kind = 'campaign' AND w.key = d.withheld;

CREATE VIEW readable_outcomes AS
SELECT datetime(o.at / 1000, 'unixepoch') AS at, hex(v.pseudonym) AS visitor, n.name AS event, o.value / 1000.0 AS value,
       printf('%016x', o.decision) AS decision, o.told IS NULL AS attributed_by_time, c.name AS campaign
FROM outcomes o
JOIN visitors v ON v.id = o.visitor
LEFT JOIN decisions d ON d.visitor = o.visitor AND d.decision = o.decision
LEFT JOIN names n ON n.kind = 'event' AND n.key = o.event
LEFT JOIN names c ON c.kind = 'campaign' AND c.key = d.campaign;
