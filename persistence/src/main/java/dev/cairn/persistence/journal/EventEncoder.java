package dev.cairn.persistence.journal;

import dev.cairn.persistence.RequestEvent;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.LongSupplier;
import org.apache.pekko.actor.ActorSystem;
import org.apache.pekko.persistence.AtomicWrite;
import org.apache.pekko.persistence.PersistentRepr;
import org.apache.pekko.serialization.Serialization;
import org.apache.pekko.serialization.SerializationExtension;
import org.apache.pekko.serialization.Serializer;
import org.apache.pekko.serialization.Serializers;
import scala.jdk.javaapi.CollectionConverters;
import scala.jdk.javaapi.OptionConverters;

/**
 * Between Pekko's representation of events and stored records, with Pekko's serialization. An event
 * without a time gets that of its writing.
 */
final class EventEncoder {
  private final Serialization serialization;
  private final LongSupplier clock;

  EventEncoder(ActorSystem system, LongSupplier clock) {
    this.serialization = SerializationExtension.get(system);
    this.clock = clock;
  }

  /**
   * The stored form of a write.
   *
   * @throws Exception where one of its events has no serializer or is refused by it
   */
  EncodedWrite encode(AtomicWrite write) throws Exception {
    List<EncodedWrite.Entry> records = new ArrayList<>(write.size());
    List<EncodedWrite.Unfinished> index = new ArrayList<>(0);
    OptionalLong finishedMillis = OptionalLong.empty();
    boolean erases = false;
    for (PersistentRepr event : CollectionConverters.asJava(write.payload())) {
      byte[] key = RecordKeys.event(event.persistenceId(), event.sequenceNr());
      StoredRecord record = record(event);
      records.add(new EncodedWrite.Entry(key, record.encode(key)));
      if (event.payload() instanceof RequestEvent.Accepted accepted) {
        index.add(new EncodedWrite.Unfinished(accepted.requestId(), true));
      } else if (event.payload() instanceof RequestEvent.Finished finished) {
        index.add(new EncodedWrite.Unfinished(finished.requestId(), false));
        finishedMillis = OptionalLong.of(record.timestampMillis());
      } else if (event.payload() instanceof RequestEvent.Deleted) {
        finishedMillis = OptionalLong.of(record.timestampMillis());
        erases = true;
      }
    }
    return new EncodedWrite(
        write.persistenceId(),
        write.lowestSequenceNr(),
        write.highestSequenceNr(),
        records,
        index,
        finishedMillis,
        erases);
  }

  /** An event as Pekko wants it back. */
  PersistentRepr decode(String persistenceId, long sequenceNr, StoredRecord record)
      throws Exception {
    PersistentRepr event =
        PersistentRepr.apply(
                object(record.event()),
                sequenceNr,
                persistenceId,
                record.adapterManifest(),
                false,
                null,
                record.writerUuid())
            .withTimestamp(record.timestampMillis());
    return record.metadata().isPresent()
        ? event.withMetadata(object(record.metadata().get()))
        : event;
  }

  private StoredRecord record(PersistentRepr event) throws Exception {
    Optional<Object> metadata = OptionConverters.toJava(event.metadata());
    return new StoredRecord(
        event.timestamp() == 0 ? clock.getAsLong() : event.timestamp(),
        event.writerUuid(),
        event.manifest(),
        payload(event.payload()),
        metadata.isPresent() ? Optional.of(payload(metadata.get())) : Optional.empty());
  }

  private StoredRecord.Payload payload(Object object) throws Exception {
    Serializer serializer = serialization.findSerializerFor(object);
    byte[] bytes = serialization.serialize(object).get();
    return new StoredRecord.Payload(
        serializer.identifier(), Serializers.manifestFor(serializer, object), bytes);
  }

  private Object object(StoredRecord.Payload payload) throws Exception {
    return serialization
        .deserialize(payload.bytes(), payload.serializerId(), payload.manifest())
        .get();
  }
}
