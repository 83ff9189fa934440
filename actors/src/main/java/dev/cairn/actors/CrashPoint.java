package dev.cairn.actors;

import java.util.Arrays;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;

/**
 * Where a test lets the process die: at a boundary of a request's life, the count-th time that any
 * request of the process reaches it. Safe for any number of threads.
 */
public final class CrashPoint {
  /** Reaches no boundary. */
  public static final CrashPoint NONE = new CrashPoint(null, 0, () -> {});

  /** Exit status of a process that died here: that of a process ended by SIGKILL in a shell. */
  public static final int EXIT_STATUS = 137;

  /** Boundaries of a request's life, in its order. */
  public enum Boundary {
    /** A client has submitted the request; nothing of it is written. */
    BEFORE_ACCEPT,
    /** The request is durable, and nobody has been told. */
    AFTER_ACCEPT,
    /** Its device is durable, and the device has not been told. */
    AFTER_ASSIGN,
    /** Tokens have come from the device; they are not written. */
    AFTER_GENERATE,
    /** Tokens are durable; no reader has been shown them. */
    AFTER_COMMIT,
    /** Readers have been shown tokens, and the device may go on. */
    AFTER_PUBLISH;

    private String configured() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }

  private final Boundary boundary;
  private final long count;
  private final Runnable crash;
  private final AtomicLong reached = new AtomicLong();

  private CrashPoint(Boundary boundary, long count, Runnable crash) {
    this.boundary = boundary;
    this.count = count;
    this.crash = crash;
  }

  /**
   * Reads {@code cairn.requests.crash-at}: empty for none, or a boundary and a count, such as
   * {@code after-commit:3}.
   *
   * @throws IllegalArgumentException where it is neither
   */
  public static CrashPoint parse(String text) {
    return parse(text, () -> Runtime.getRuntime().halt(EXIT_STATUS));
  }

  /**
   * @param crash ends the process
   */
  static CrashPoint parse(String text, Runnable crash) {
    if (text.isEmpty()) {
      return NONE;
    }
    String[] parts = text.split(":", 2);
    for (Boundary each : Boundary.values()) {
      if (parts.length == 2
          && each.configured().equals(parts[0])
          && parts[1].matches("[1-9][0-9]{0,8}")) {
        return new CrashPoint(each, Long.parseLong(parts[1]), crash);
      }
    }
    throw new IllegalArgumentException(
        "cairn.requests.crash-at is \""
            + text
            + "\", expected nothing, or one of "
            + Arrays.stream(Boundary.values())
                .map(Boundary::configured)
                .collect(Collectors.joining(", "))
            + " with a colon and a count from 1 on.");
  }

  /** A request has reached a boundary. */
  void reached(Boundary here) {
    if (here == boundary && reached.incrementAndGet() == count) {
      crash.run();
    }
  }
}
