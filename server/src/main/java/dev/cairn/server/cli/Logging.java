package dev.cairn.server.cli;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import com.typesafe.config.Config;
import dev.cairn.server.logging.LogFormat;
import org.slf4j.LoggerFactory;

/** The log: on standard error, coloured on a terminal alone. */
final class Logging {
  /** Set by {@code bin/cairn} where standard error is a terminal. */
  private static final String TERMINAL = "cairn.terminal";

  private Logging() {}

  /** Has to run before anything logs. */
  static void configure() {
    if (isColoured()) {
      System.setProperty("cairn.log.level-pattern", "%highlight(%-5level)");
    }
  }

  /** Whether standard error takes colours: a terminal, unless NO_COLOR is set. */
  static boolean isColoured() {
    String refused = System.getenv("NO_COLOR");
    return onTerminal() && (refused == null || refused.isEmpty());
  }

  static boolean onTerminal() {
    return Boolean.getBoolean(TERMINAL);
  }

  static void verbose(boolean verbose) {
    if (verbose) {
      level(Level.DEBUG.toString());
    }
  }

  /** Takes format and level from the configuration. */
  static void configure(Config config) {
    LogFormat.of(config.getString("cairn.log.format")).apply();
    level(config.getString("cairn.log.level"));
  }

  /** Sets the level, unless {@code --verbose} asked for more. */
  static void level(String name) {
    Logger root = (Logger) LoggerFactory.getLogger("dev.cairn");
    if (root.getLevel() == null || root.getLevel().isGreaterOrEqual(Level.INFO)) {
      root.setLevel(Level.toLevel(name, Level.INFO));
    }
    Logger pekko = (Logger) LoggerFactory.getLogger("org.apache.pekko");
    pekko.setLevel(Level.WARN);
  }
}
