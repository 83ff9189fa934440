package dev.cairn.server.http;

import java.util.concurrent.CompletionStage;
import org.apache.pekko.actor.ClassicActorSystemProvider;
import org.apache.pekko.http.javadsl.model.RequestEntity;
import org.apache.pekko.util.ByteString;

/**
 * A body as far as its limit. One that is too large is read to its end and dropped, because a
 * client that still writes would not see the reply on a connection closed under it.
 */
final class RequestBody {
  private final long maxBytes;
  private ByteString bytes = ByteString.emptyByteString();
  private boolean tooLarge;

  private RequestBody(long maxBytes) {
    this.maxBytes = maxBytes;
  }

  /** Reads a body; fails with a TimeoutException where it does not arrive in time. */
  static CompletionStage<RequestBody> read(
      RequestEntity entity, HttpSettings settings, ClassicActorSystemProvider system) {
    return entity
        .withoutSizeLimit()
        .getDataBytes()
        .completionTimeout(settings.bodyTimeout())
        .runFold(new RequestBody(settings.maxBodyBytes()), RequestBody::add, system);
  }

  boolean isTooLarge() {
    return tooLarge;
  }

  byte[] bytes() {
    return bytes.toArray();
  }

  private RequestBody add(ByteString part) {
    if (bytes.size() + (long) part.size() > maxBytes) {
      tooLarge = true;
      bytes = ByteString.emptyByteString();
    } else if (!tooLarge) {
      bytes = bytes.concat(part);
    }
    return this;
  }
}
