package dev.cairn.persistence;

import dev.cairn.model.Sampling;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * A request in full: everything that decides its output, fixed before it is accepted, and what it
 * asks for beside that. {@link #of} names what every request needs and gives the rest its default.
 *
 * @param id names the request for ever (a ULID, or derived from the client's idempotency key)
 * @param model name of the model
 * @param modelFingerprint identifies the model's file
 * @param submittedAtMillis milliseconds since the epoch
 * @param promptTokens at least one
 * @param maxTokens most tokens to generate, 0 or more
 * @param sampling how tokens are drawn
 * @param seed of the draws; drawn before the request is accepted where the client named none
 * @param stop strings that end the output and are not part of it
 * @param ignoreEos goes on after an end-of-sequence token
 * @param logprobs -1: none; n: of each token and the n most likely ones
 * @param echo whether the client wants the prompt back
 * @param promptLogprobs whether log-probabilities of the prompt are wanted
 * @param cancelOnDisconnect whether the request ends when its client leaves
 * @param timeoutMillis how long after {@code submittedAtMillis} the request ends with what it has;
 *     0: never
 * @param constraints what it demands of its device
 * @param scheduling where it stands among others
 * @param answer how its output is shown
 */
public record RequestSpec(
    String id,
    String model,
    String modelFingerprint,
    long submittedAtMillis,
    int[] promptTokens,
    int maxTokens,
    Sampling sampling,
    long seed,
    List<String> stop,
    boolean ignoreEos,
    int logprobs,
    boolean echo,
    boolean promptLogprobs,
    boolean cancelOnDisconnect,
    long timeoutMillis,
    Constraints constraints,
    Scheduling scheduling,
    Answer answer) {
  public RequestSpec {
    stop = List.copyOf(stop);
    Objects.requireNonNull(constraints, "a request without its constraints");
    Objects.requireNonNull(scheduling, "a request without its scheduling");
    Objects.requireNonNull(answer, "a request without the form of its answer");
    if (timeoutMillis < 0) {
      throw new IllegalArgumentException(
          "a timeout of " + timeoutMillis + " ms, expected 0 or more");
    }
  }

  /** A greedy request for 16 tokens with everything else at its default. */
  public static Builder of(String id, String model, String modelFingerprint, int... promptTokens) {
    return new Builder(id, model, modelFingerprint, promptTokens);
  }

  /** The same, to be changed. */
  public Builder toBuilder() {
    return new Builder(id, model, modelFingerprint, promptTokens)
        .submittedAtMillis(submittedAtMillis)
        .maxTokens(maxTokens)
        .sampling(sampling)
        .seed(seed)
        .stop(stop)
        .ignoreEos(ignoreEos)
        .logprobs(logprobs)
        .echo(echo)
        .promptLogprobs(promptLogprobs)
        .cancelOnDisconnect(cancelOnDisconnect)
        .timeoutMillis(timeoutMillis)
        .constraints(constraints)
        .scheduling(scheduling)
        .answer(answer);
  }

  /**
   * Whether another specification asks for the same: equal in all but the moment it was submitted.
   * A repeated submission joins the request it repeats.
   */
  public boolean isSameRequest(RequestSpec that) {
    return id.equals(that.id)
        && model.equals(that.model)
        && modelFingerprint.equals(that.modelFingerprint)
        && Arrays.equals(promptTokens, that.promptTokens)
        && maxTokens == that.maxTokens
        && sampling.equals(that.sampling)
        && seed == that.seed
        && stop.equals(that.stop)
        && ignoreEos == that.ignoreEos
        && logprobs == that.logprobs
        && echo == that.echo
        && promptLogprobs == that.promptLogprobs
        && cancelOnDisconnect == that.cancelOnDisconnect
        && timeoutMillis == that.timeoutMillis
        && constraints.equals(that.constraints)
        && scheduling.asksForTheSame(that.scheduling)
        && answer.equals(that.answer);
  }

  /** By value, the prompt's tokens included. */
  @Override
  public boolean equals(Object other) {
    return other instanceof RequestSpec that
        && submittedAtMillis == that.submittedAtMillis
        && isSameRequest(that);
  }

  @Override
  public int hashCode() {
    return Objects.hash(id, model, seed, maxTokens, Arrays.hashCode(promptTokens));
  }

  /** Collects what a request is made of; each method is named after a component and sets it. */
  public static final class Builder {
    private final String id;
    private final String model;
    private final String modelFingerprint;
    private final int[] promptTokens;
    private long submittedAtMillis;
    private int maxTokens = 16;
    private Sampling sampling = Sampling.GREEDY;
    private long seed;
    private List<String> stop = List.of();
    private boolean ignoreEos;
    private int logprobs = -1;
    private boolean echo;
    private boolean promptLogprobs;
    private boolean cancelOnDisconnect;
    private long timeoutMillis;
    private Constraints constraints = Constraints.NONE;
    private Scheduling scheduling = Scheduling.DEFAULT;
    private Answer answer = Answer.COMPLETION;

    private Builder(String id, String model, String modelFingerprint, int[] promptTokens) {
      this.id = id;
      this.model = model;
      this.modelFingerprint = modelFingerprint;
      this.promptTokens = promptTokens;
    }

    public RequestSpec build() {
      return new RequestSpec(
          id,
          model,
          modelFingerprint,
          submittedAtMillis,
          promptTokens,
          maxTokens,
          sampling,
          seed,
          stop,
          ignoreEos,
          logprobs,
          echo,
          promptLogprobs,
          cancelOnDisconnect,
          timeoutMillis,
          constraints,
          scheduling,
          answer);
    }

    public Builder submittedAtMillis(long value) {
      submittedAtMillis = value;
      return this;
    }

    public Builder maxTokens(int value) {
      maxTokens = value;
      return this;
    }

    public Builder sampling(Sampling value) {
      sampling = value;
      return this;
    }

    public Builder seed(long value) {
      seed = value;
      return this;
    }

    public Builder stop(List<String> value) {
      stop = value;
      return this;
    }

    public Builder ignoreEos(boolean value) {
      ignoreEos = value;
      return this;
    }

    public Builder logprobs(int value) {
      logprobs = value;
      return this;
    }

    public Builder echo(boolean value) {
      echo = value;
      return this;
    }

    public Builder promptLogprobs(boolean value) {
      promptLogprobs = value;
      return this;
    }

    public Builder cancelOnDisconnect(boolean value) {
      cancelOnDisconnect = value;
      return this;
    }

    public Builder timeoutMillis(long value) {
      timeoutMillis = value;
      return this;
    }

    public Builder constraints(Constraints value) {
      constraints = value;
      return this;
    }

    public Builder scheduling(Scheduling value) {
      scheduling = value;
      return this;
    }

    public Builder answer(Answer value) {
      answer = value;
      return this;
    }
  }
}
