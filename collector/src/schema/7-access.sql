-- Who may look and who may change. `hash`: SHA-256 of the token; `role`: 1 viewer, 2 admin; `ended`: since when it opens nothing.
CREATE TABLE access_tokens (
  hash    BLOB    PRIMARY KEY,
  name    TEXT    NOT NULL,
  role    INTEGER NOT NULL,
  created INTEGER NOT NULL,
  ended   INTEGER
) STRICT, WITHOUT ROWID;

-- Browsers that exchanged a token for a cookie. `hash`: SHA-256 of the cookie; `began`: when the token was shown;
-- `renewed`: when this cookie was set.
CREATE TABLE access_sessions (
  hash    BLOB    PRIMARY KEY,
  token   BLOB    NOT NULL REFERENCES access_tokens(hash),
  began   INTEGER NOT NULL,
  renewed INTEGER NOT NULL,
  expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX access_sessions_by_token ON access_sessions (token);
