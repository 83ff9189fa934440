package dev.cairn.persistence.journal;

import dev.cairn.persistence.EventFormatException;
import dev.cairn.persistence.RequestEvent;
import dev.cairn.persistence.RequestEventCodec;
import dev.cairn.persistence.RequestEventSerializer;
import java.util.Optional;

/**
 * An event as the journal holds it.
 *
 * @param persistenceId of the actor that wrote it
 * @param sequenceNr its place in that actor's events, 1 and up
 * @param timestampMillis when it was written, milliseconds since the epoch
 * @param writerUuid incarnation of the actor that wrote it
 * @param serializerId Pekko's number of the serializer
 * @param manifest that the serializer gave it
 * @param payload its bytes
 */
public record StoredEvent(
    String persistenceId,
    long sequenceNr,
    long timestampMillis,
    String writerUuid,
    int serializerId,
    String manifest,
    byte[] payload) {
  /** The request event that it is; empty for an event of another kind, of sharding for example. */
  public Optional<RequestEvent> requestEvent() throws EventFormatException {
    return serializerId == RequestEventSerializer.IDENTIFIER
        ? Optional.of(RequestEventCodec.decode(payload, manifest))
        : Optional.empty();
  }
}
