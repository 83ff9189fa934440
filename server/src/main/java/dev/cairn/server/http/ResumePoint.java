package dev.cairn.server.http;

import dev.cairn.request.OutputPieces;
import dev.cairn.request.Snapshot;

/** Where a client that comes back wants to go on. */
final class ResumePoint {
  private ResumePoint() {}

  /**
   * Lets pieces go on where a client says that it has come to.
   *
   * @param parameter that says so
   * @param first what the parameter counts before the first token
   * @param index number of tokens that the client has
   * @return the text before
   * @throws ApiError where no event can have ended there
   */
  static String resume(
      OutputPieces pieces, String parameter, int first, int index, Snapshot snapshot) {
    int size = snapshot.tokens().size();
    if (index < 0 || index > size) {
      throw ApiError.invalid(
          parameter,
          parameter
              + " is "
              + (first + index)
              + "; expected an index from "
              + first
              + " to "
              + (first + size)
              + ", the number of tokens committed so far.");
    }
    int lower = pieces.boundaryAtMost(index, snapshot);
    if (lower != index) {
      throw ApiError.invalid(
          parameter,
          parameter
              + " is "
              + (first + index)
              + ", where no event ends; the nearest lower index is "
              + (first + lower)
              + ".");
    }
    return pieces.resumeAfter(index, snapshot);
  }
}
