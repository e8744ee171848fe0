-- From schema 8 to 9: where people stand in journeys, and what was sent to them for it.

-- `identifier`: the visitor whose device told, or the person's own number where the origin moved them. Of all rows of a person the one that
-- has come furthest counts. `place` and `since`: as a profile keeps them. `step`: the step in `place`. `due`: minutes since 1970 from
-- which on the origin is to look again, 0 for at once; none: nothing but an event will move them.
CREATE TABLE journeys (
  identifier INTEGER NOT NULL,
  journey    INTEGER NOT NULL,
  since      INTEGER NOT NULL,
  place      INTEGER NOT NULL,
  step       INTEGER NOT NULL,
  due        INTEGER,
  PRIMARY KEY (identifier, journey)
) STRICT, WITHOUT ROWID;
CREATE INDEX journeys_by_due ON journeys (due) WHERE due IS NOT NULL;
CREATE INDEX journeys_by_step ON journeys (journey, step);

-- What became of each message of a journey. `reason`: why it was let go; empty when it was handed over. `before`: the channels that would have
-- been preferred, each with why it was not, as `push=no_destination mail=quiet`.
CREATE TABLE sendings (
  identifier INTEGER NOT NULL,
  journey    INTEGER NOT NULL,
  since      INTEGER NOT NULL,
  step       INTEGER NOT NULL,
  message    TEXT    NOT NULL,
  channel    TEXT    NOT NULL,
  at         INTEGER NOT NULL,
  reason     TEXT    NOT NULL,
  before     TEXT    NOT NULL,
  PRIMARY KEY (identifier, journey, since, step)
) STRICT, WITHOUT ROWID;
CREATE INDEX sendings_by_time ON sendings (at);
