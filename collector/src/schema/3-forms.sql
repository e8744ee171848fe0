-- From schema 2 to 3: which normal forms of an address or a number a digest serves.
ALTER TABLE identities ADD COLUMN forms INTEGER NOT NULL DEFAULT 0;
