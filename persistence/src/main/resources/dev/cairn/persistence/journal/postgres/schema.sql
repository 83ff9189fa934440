-- Version 2 of Cairn's schema; requests.sql belongs to it. The tables event_journal and snapshot are those of pekko-persistence-jdbc
-- 1.1; what it needs for tags is left out, because no event has any.

CREATE TABLE cairn_schema (
  version INTEGER NOT NULL,
  -- Names this database, so that nodes can see whether they share it.
  database_id VARCHAR(36) NOT NULL,
  created TIMESTAMPTZ NOT NULL DEFAULT now()
);

-- The primary key is the fence between two incarnations of one entity: each sequence number is
-- committed once.
CREATE TABLE event_journal (
  ordering BIGSERIAL,
  persistence_id VARCHAR(255) NOT NULL,
  sequence_number BIGINT NOT NULL,
  deleted BOOLEAN DEFAULT FALSE NOT NULL,
  writer VARCHAR(255) NOT NULL,
  write_timestamp BIGINT,
  adapter_manifest VARCHAR(255),
  event_ser_id INTEGER NOT NULL,
  event_ser_manifest VARCHAR(255) NOT NULL,
  event_payload BYTEA NOT NULL,
  meta_ser_id INTEGER,
  meta_ser_manifest VARCHAR(255),
  meta_payload BYTEA,
  PRIMARY KEY (persistence_id, sequence_number)
);

CREATE TABLE snapshot (
  persistence_id VARCHAR(255) NOT NULL,
  sequence_number BIGINT NOT NULL,
  created BIGINT NOT NULL,
  snapshot_ser_id INTEGER NOT NULL,
  snapshot_ser_manifest VARCHAR(255) NOT NULL,
  snapshot_payload BYTEA NOT NULL,
  meta_ser_id INTEGER,
  meta_ser_manifest VARCHAR(255),
  meta_payload BYTEA,
  PRIMARY KEY (persistence_id, sequence_number)
);

-- One row a request: which are unfinished, and which have ended and when. Times in milliseconds since
-- the epoch. It changes in the transaction that commits the event.
CREATE TABLE cairn_request (
  persistence_id VARCHAR(255) PRIMARY KEY,
  accepted_millis BIGINT NOT NULL,
  finished_millis BIGINT,
  -- Of the payloads of a finished request's events.
  bytes BIGINT
);

CREATE INDEX cairn_request_unfinished
  ON cairn_request (octet_length(persistence_id), persistence_id COLLATE "C")
  WHERE finished_millis IS NULL;

CREATE INDEX cairn_request_finished
  ON cairn_request (finished_millis, persistence_id) INCLUDE (bytes)
  WHERE finished_millis IS NOT NULL;
