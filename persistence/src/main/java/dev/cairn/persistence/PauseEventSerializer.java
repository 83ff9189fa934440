package dev.cairn.persistence;

import java.io.NotSerializableException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import org.apache.pekko.serialization.SerializerWithStringManifest;

/**
 * Pekko's way to {@link PauseEvent}s: the manifest is the kind of the event and the version of its
 * form, the bytes are the name in UTF-8.
 */
public final class PauseEventSerializer extends SerializerWithStringManifest {
  /** Stored with every event: never changes. */
  public static final int IDENTIFIER = 20_262;

  private static final String TENANT_PAUSED = "tenant-paused:1";
  private static final String TENANT_RESUMED = "tenant-resumed:1";
  private static final String DEVICE_PAUSED = "device-paused:1";
  private static final String DEVICE_RESUMED = "device-resumed:1";

  @Override
  public int identifier() {
    return IDENTIFIER;
  }

  @Override
  public String manifest(Object event) {
    if (event instanceof PauseEvent.TenantPaused) {
      return TENANT_PAUSED;
    }
    if (event instanceof PauseEvent.TenantResumed) {
      return TENANT_RESUMED;
    }
    return checked(event) instanceof PauseEvent.DevicePaused ? DEVICE_PAUSED : DEVICE_RESUMED;
  }

  @Override
  public byte[] toBinary(Object event) {
    return checked(event).name().getBytes(StandardCharsets.UTF_8);
  }

  @Override
  public Object fromBinary(byte[] bytes, String manifest) throws NotSerializableException {
    String name;
    try {
      name = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw new EventFormatException("The name of a pause is not UTF-8.", e);
    }
    if (name.isEmpty() || name.length() > PauseEvent.MAX_NAME) {
      throw new EventFormatException(
          "The name of a pause has "
              + name.length()
              + " characters, expected 1 to "
              + PauseEvent.MAX_NAME
              + ".");
    }
    return switch (manifest) {
      case TENANT_PAUSED -> new PauseEvent.TenantPaused(name);
      case TENANT_RESUMED -> new PauseEvent.TenantResumed(name);
      case DEVICE_PAUSED -> new PauseEvent.DevicePaused(name);
      case DEVICE_RESUMED -> new PauseEvent.DeviceResumed(name);
      default ->
          throw new EventFormatException(
              "Found an event \""
                  + manifest
                  + "\", expected a pause of form 1; a newer program wrote it.");
    };
  }

  private static PauseEvent checked(Object event) {
    if (event instanceof PauseEvent pause) {
      return pause;
    }
    throw new IllegalArgumentException(
        "Found an object of " + event.getClass().getName() + ", expected a PauseEvent.");
  }
}
