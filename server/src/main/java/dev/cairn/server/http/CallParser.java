package dev.cairn.server.http;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Optional;

/** Reads the body of a route that makes requests. */
public interface CallParser {
  /**
   * @param idempotencyKey the client's name for the call, or empty
   * @throws ApiError where a field is wrong
   */
  CompletionCall parse(ObjectNode body, Optional<String> idempotencyKey);
}
