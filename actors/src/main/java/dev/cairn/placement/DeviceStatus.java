package dev.cairn.placement;

import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * What a device says of itself.
 *
 * @param name names it in the cluster
 * @param model what it serves
 * @param numericsVersion its numerics version
 * @param backend its back end
 * @param maxContext longest sequence it takes, in tokens
 * @param kvTokens tokens whose keys and values it has room for
 * @param load how busy it is
 * @param draining whether it takes no more requests
 * @param paused whether nothing runs on it for now
 */
public record DeviceStatus(
    String name,
    Served model,
    String numericsVersion,
    String backend,
    int maxContext,
    long kvTokens,
    Load load,
    boolean draining,
    boolean paused) {
  /**
   * A model.
   *
   * @param fingerprint identifies its file
   * @param weightType type of most of its weights
   * @param architecture its architecture
   */
  public record Served(String fingerprint, String weightType, String architecture) {}

  /**
   * How busy a device is.
   *
   * @param queuedTokens tokens that its requests may still need, prompts and outputs together
   * @param waiting requests that wait to be computed
   * @param running requests that take part in steps
   * @param freeSlots further ones that may
   * @param freeKvTokens tokens whose keys and values there is room for now
   * @param tokensPerSecond what it computed lately; empty before its first step
   */
  public record Load(
      long queuedTokens,
      int waiting,
      int running,
      int freeSlots,
      long freeKvTokens,
      OptionalDouble tokensPerSecond) {}

  public DeviceStatus {
    Objects.requireNonNull(name, "a device without its name");
    Objects.requireNonNull(model, "a device without its model");
    Objects.requireNonNull(numericsVersion, "a device without its numerics version");
    Objects.requireNonNull(backend, "a device without its back end");
    Objects.requireNonNull(load, "a device without its load");
    Objects.requireNonNull(load.tokensPerSecond(), "a load without its rate");
  }

  /** Longest sequence that it takes and has room for, in tokens. */
  int longest() {
    return (int) Math.min(maxContext, kvTokens);
  }

  /** What cannot be in it, if anything: then it is not to be believed. */
  public Optional<String> garbled() {
    double rate = load.tokensPerSecond().orElse(1);
    if (name.isEmpty()) {
      return Optional.of("a device without a name");
    }
    if (maxContext < 1 || kvTokens < 1) {
      return Optional.of(
          "a context of "
              + maxContext
              + " and room for "
              + kvTokens
              + " tokens, expected 1 or more");
    }
    if (load.queuedTokens() < 0
        || load.waiting() < 0
        || load.running() < 0
        || load.freeSlots() < 0
        || load.freeKvTokens() < 0) {
      return Optional.of(load + ", expected no negative number");
    }
    if (!(rate > 0 && rate < Double.POSITIVE_INFINITY)) {
      return Optional.of("a rate of " + rate + " tokens a second, expected a number above 0");
    }
    return Optional.empty();
  }
}
