package dev.cairn.server.http;

import dev.cairn.persistence.RequestSpec;
import java.util.List;

/**
 * What a client asked for.
 *
 * @param requests one for each choice, in order; the first names the call
 * @param stream whether the reply is a stream of events
 * @param includeUsage whether the stream ends with an event that counts tokens
 */
public record CompletionCall(List<RequestSpec> requests, boolean stream, boolean includeUsage) {
  public CompletionCall {
    requests = List.copyOf(requests);
  }

  /**
   * The same, of a tenant.
   *
   * @param weight that the tenant has from now on; 0: as it has
   */
  CompletionCall of(String tenant, double weight) {
    List<RequestSpec> owned =
        requests.stream()
            .map(
                each ->
                    each.toBuilder()
                        .scheduling(each.scheduling().withTenant(tenant).withWeight(weight))
                        .build())
            .toList();
    return new CompletionCall(owned, stream, includeUsage);
  }

  String id() {
    return requests.get(0).id();
  }
}
