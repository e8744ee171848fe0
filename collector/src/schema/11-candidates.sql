-- From schema 10 to 11: what placements that explore could have drawn.

-- `probability`: of 65,535, with which the campaign was drawn. The drawn one has a row too.
CREATE TABLE candidates (
  visitor     INTEGER NOT NULL REFERENCES visitors(id),
  decision    INTEGER NOT NULL,
  campaign    INTEGER NOT NULL,
  at          INTEGER NOT NULL,
  probability INTEGER NOT NULL,
  message     INTEGER NOT NULL REFERENCES messages(id),
  PRIMARY KEY (visitor, decision, campaign)
) STRICT, WITHOUT ROWID;
