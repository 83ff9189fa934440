package dev.cairn.server.http;

import java.util.List;
import java.util.Optional;
import java.util.stream.StreamSupport;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.http.javadsl.model.headers.Authorization;
import org.apache.pekko.http.javadsl.model.headers.OAuth2BearerToken;

/** The key that a request shows, {@code Authorization: Bearer KEY} (RFC 6750). */
public final class BearerKey {
  private BearerKey() {}

  /** The key; empty text where the header has another form or is there twice, none without it. */
  public static Optional<String> of(HttpRequest request) {
    List<String> shown =
        StreamSupport.stream(request.getHeaders().spliterator(), false)
            .filter(header -> header.is("authorization"))
            .map(
                header ->
                    header instanceof Authorization typed
                            && typed.credentials() instanceof OAuth2BearerToken bearer
                        ? bearer.token()
                        : "")
            .toList();
    return shown.isEmpty() ? Optional.empty() : Optional.of(shown.size() == 1 ? shown.get(0) : "");
  }
}
