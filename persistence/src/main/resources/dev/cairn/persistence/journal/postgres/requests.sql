-- What keeps cairn_request true, also of a database whose schema was of version 1, where deleted
-- requests were not known.

CREATE OR REPLACE FUNCTION cairn_request_changed() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.event_ser_manifest LIKE 'accepted:%' THEN
    INSERT INTO cairn_request (persistence_id, accepted_millis)
      VALUES (NEW.persistence_id, NEW.write_timestamp);
  ELSIF NEW.event_ser_manifest LIKE 'deleted:%' THEN
    DELETE FROM event_journal
      WHERE persistence_id = NEW.persistence_id AND sequence_number < NEW.sequence_number;
    INSERT INTO cairn_request (persistence_id, accepted_millis, finished_millis, bytes)
      VALUES (NEW.persistence_id, NEW.write_timestamp, NEW.write_timestamp,
        octet_length(NEW.event_payload))
      ON CONFLICT (persistence_id) DO UPDATE
        SET finished_millis = EXCLUDED.finished_millis, bytes = EXCLUDED.bytes;
  ELSE
    UPDATE cairn_request
      SET finished_millis = NEW.write_timestamp,
        bytes = (
          SELECT sum(octet_length(event_payload))
            FROM event_journal
            WHERE persistence_id = NEW.persistence_id)
      WHERE persistence_id = NEW.persistence_id;
  END IF;
  RETURN NULL;
END
$$;

DROP TRIGGER IF EXISTS cairn_request_changed ON event_journal;

-- 20261 is the identifier of Cairn's serializer of request events.
CREATE TRIGGER cairn_request_changed
  AFTER INSERT ON event_journal
  FOR EACH ROW
  WHEN (NEW.event_ser_id = 20261
    AND (NEW.event_ser_manifest LIKE 'accepted:%' OR NEW.event_ser_manifest LIKE 'finished:%'
      OR NEW.event_ser_manifest LIKE 'deleted:%'))
  EXECUTE FUNCTION cairn_request_changed();
