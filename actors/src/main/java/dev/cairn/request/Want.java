package dev.cairn.request;

/**
 * What a reader elsewhere has of a request, and so what it wants: all that follows.
 *
 * @param requestId the request
 * @param needsSpec whether it does not know yet what was asked for
 * @param version of the newest snapshot that it has whole, 0 before the first
 * @param promptLogprobs how many log-probabilities of the prompt it has
 * @param tokens how many tokens it has
 */
public record Want(
    String requestId, boolean needsSpec, long version, int promptLogprobs, int tokens) {
  /** Whether a snapshot shows more than the reader has. */
  public boolean isNews(Snapshot now) {
    return needsSpec
        || now.version() > version
        || now.tokens().size() > tokens
        || now.promptLogprobs().size() > promptLogprobs;
  }

  /** Whether the reader has something that a snapshot lacks. */
  public boolean isAheadOf(Snapshot now) {
    return version > now.version()
        || tokens > now.tokens().size()
        || promptLogprobs > now.promptLogprobs().size();
  }

  /** What the reader has once it took an update. */
  public Want after(Update update) {
    return new Want(
        requestId,
        needsSpec && update.spec().isEmpty(),
        update.whole() ? update.version() : version,
        update.firstPromptLogprob() + update.promptLogprobs().size(),
        update.firstIndex() + update.tokens().length);
  }
}
