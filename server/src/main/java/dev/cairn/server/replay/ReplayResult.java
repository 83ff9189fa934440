package dev.cairn.server.replay;

/**
 * What came of recomputing one request.
 *
 * @param tokens journaled tokens that were compared
 * @param detail where it differs, or why it was not compared; else empty
 */
public record ReplayResult(String requestId, Verdict verdict, int tokens, String detail) {
  /** How a request compares with its journal. */
  public enum Verdict {
    /** Every token came out again, and the end where the model made it. */
    EQUAL,
    /** Something else came out. */
    DIFFERENT,
    /** It cannot be computed again here. */
    SKIPPED
  }
}
