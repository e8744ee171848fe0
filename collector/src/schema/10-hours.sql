-- From schema 9 to 10: at which hours of their day people tend to be there.

-- By the identifier at whose id the person goes. `hour`: of the person's local day. `presences`: local days on which they did something in it.
-- `events`: what they did then. Of each person the latest thousand events.
CREATE TABLE hours (
  person    INTEGER NOT NULL,
  hour      INTEGER NOT NULL,
  presences INTEGER NOT NULL,
  events    INTEGER NOT NULL,
  PRIMARY KEY (person, hour)
) STRICT, WITHOUT ROWID;

-- The sums of these rows, one for each hour, so that nobody has to go through everybody.
CREATE TABLE hours_of_all (
  hour      INTEGER NOT NULL,
  presences INTEGER NOT NULL,
  events    INTEGER NOT NULL,
  PRIMARY KEY (hour)
) STRICT, WITHOUT ROWID;
INSERT INTO hours_of_all (hour, presences, events) VALUES
  (0, 0, 0), (1, 0, 0), (2, 0, 0), (3, 0, 0), (4, 0, 0), (5, 0, 0), (6, 0, 0), (7, 0, 0), (8, 0, 0), (9, 0, 0), (10, 0, 0), (11, 0, 0),
  (12, 0, 0), (13, 0, 0), (14, 0, 0), (15, 0, 0), (16, 0, 0), (17, 0, 0), (18, 0, 0), (19, 0, 0), (20, 0, 0), (21, 0, 0), (22, 0, 0), (23, 0, 0);

-- Persons of whom something came in a quarter of an hour since 1970, to be counted when it is over. Who was there before this is counted soon.
CREATE TABLE hours_stale (
  quarter INTEGER NOT NULL,
  person  INTEGER NOT NULL,
  PRIMARY KEY (quarter, person)
) STRICT, WITHOUT ROWID;
INSERT INTO hours_stale (quarter, person) SELECT 0, person FROM profiles;
