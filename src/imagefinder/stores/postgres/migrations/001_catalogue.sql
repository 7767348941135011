-- {s} is the schema of the catalogue, {v} that of pgvector, {embedding} the type of its vectors

CREATE TABLE {s}.catalogue (  -- what describes it, and texts about it
    name  text PRIMARY KEY,
    value text NOT NULL
);

CREATE TABLE {s}.state (  -- one row, which every transaction that writes locks first
    id      boolean PRIMARY KEY DEFAULT true CHECK (id),
    changes bigint NOT NULL  -- another number after every change of images and what they have
);
INSERT INTO {s}.state (changes) VALUES (0);

CREATE TABLE {s}.images (
    key           bigint PRIMARY KEY,
    sha256        bytea NOT NULL,
    size          bigint NOT NULL,
    width         integer NOT NULL,
    height        integer NOT NULL,
    metadata      jsonb NOT NULL,  -- to filter by; it changes the order of names, and some numbers
    metadata_text text NOT NULL,   -- as they were given
    in_memory     boolean NOT NULL,  -- it stays when its last file is removed
    version       bigint NOT NULL  -- the write by which it came
);
CREATE INDEX images_by_version ON {s}.images (version);
CREATE INDEX images_by_metadata ON {s}.images USING gin (metadata jsonb_path_ops);

CREATE TABLE {s}.files (
    path     text COLLATE "C" PRIMARY KEY,
    key      bigint NOT NULL,
    mtime_ns bigint NOT NULL,
    origin   text NOT NULL
);
CREATE INDEX files_of_image ON {s}.files (key);

CREATE TABLE {s}.vectors (
    key       bigint NOT NULL,
    row       integer NOT NULL,
    embedding {embedding} NOT NULL,
    PRIMARY KEY (key, row)
);

CREATE TABLE {s}.local_features (
    key      bigint PRIMARY KEY,
    features bytea NOT NULL
);
-- they hardly compress, and trying takes longer than storing them
ALTER TABLE {s}.local_features ALTER COLUMN features SET STORAGE EXTERNAL;

CREATE TABLE {s}.signatures (
    key       bigint PRIMARY KEY,
    signature bytea NOT NULL
);

CREATE TABLE {s}.writes (version bigint PRIMARY KEY);  -- every transaction that stored vectors

CREATE TABLE {s}.other_vectors (  -- what an upgrade has made so far, or kept
    key       bigint NOT NULL,
    row       integer NOT NULL,
    embedding {embedding} NOT NULL,
    PRIMARY KEY (key, row)
);
CREATE TABLE {s}.other_images (key bigint PRIMARY KEY);  -- those that have some, perhaps none

CREATE FUNCTION {s}.raise_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- by the clock too, so that a restored backup does not come to the same number again
    EXECUTE format(
        'UPDATE %I.state SET changes = greatest(changes + 1, %s)',
        TG_TABLE_SCHEMA, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
    );
    RETURN NULL;
END $$;

CREATE TRIGGER changes AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE OF key, version
    ON {s}.images FOR EACH STATEMENT EXECUTE FUNCTION {s}.raise_changes();
CREATE TRIGGER changes AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE
    ON {s}.vectors FOR EACH STATEMENT EXECUTE FUNCTION {s}.raise_changes();
CREATE TRIGGER changes AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE
    ON {s}.other_vectors FOR EACH STATEMENT EXECUTE FUNCTION {s}.raise_changes();

-- one statement for all images that a statement deletes; a foreign key would check every row
CREATE FUNCTION {s}.delete_with_images() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE own text;
BEGIN
    FOREACH own IN ARRAY ARRAY[
        'files', 'vectors', 'local_features', 'signatures', 'other_vectors', 'other_images'
    ] LOOP
        EXECUTE format(
            'DELETE FROM %I.%I AS own USING gone WHERE own.key = gone.key', TG_TABLE_SCHEMA, own
        );
    END LOOP;
    RETURN NULL;
END $$;

CREATE TRIGGER with_images AFTER DELETE ON {s}.images REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION {s}.delete_with_images();
