package dev.cairn.persistence;

import java.io.NotSerializableException;
import org.apache.pekko.serialization.SerializerWithStringManifest;

/** Pekko's way to the {@link RequestEventCodec}. */
public final class RequestEventSerializer extends SerializerWithStringManifest {
  /** Stored with every event: never changes. */
  public static final int IDENTIFIER = 20_261;

  @Override
  public int identifier() {
    return IDENTIFIER;
  }

  @Override
  public String manifest(Object event) {
    return RequestEventCodec.manifest(checked(event));
  }

  @Override
  public byte[] toBinary(Object event) {
    return RequestEventCodec.encode(checked(event));
  }

  @Override
  public Object fromBinary(byte[] bytes, String manifest) throws NotSerializableException {
    return RequestEventCodec.decode(bytes, manifest);
  }

  private static RequestEvent checked(Object event) {
    if (event instanceof RequestEvent requestEvent) {
      return requestEvent;
    }
    throw new IllegalArgumentException(
        "Found an object of " + event.getClass().getName() + ", expected a RequestEvent.");
  }
}
