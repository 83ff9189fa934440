package dev.cairn.server.logging;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.Appender;
import ch.qos.logback.core.OutputStreamAppender;
import java.util.Iterator;
import org.slf4j.LoggerFactory;

/** The forms of the log's lines. */
public enum LogFormat {
  /** For people. */
  TEXT,
  /** One JSON object a line, for programs. */
  JSON;

  /**
   * The form of a name.
   *
   * @throws IllegalArgumentException where there is none
   */
  public static LogFormat of(String name) {
    return switch (name) {
      case "text" -> TEXT;
      case "json" -> JSON;
      default ->
          throw new IllegalArgumentException(
              "cairn.log.format is " + name + "; expected text or json.");
    };
  }

  /** From now on the process logs in this form; text is how it begins. */
  public void apply() {
    if (this == TEXT) {
      return;
    }
    Logger root = (Logger) LoggerFactory.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
    for (Iterator<Appender<ILoggingEvent>> each = root.iteratorForAppenders(); each.hasNext(); ) {
      if (each.next() instanceof OutputStreamAppender<ILoggingEvent> appender) {
        JsonLogEncoder encoder = new JsonLogEncoder();
        encoder.setContext(root.getLoggerContext());
        encoder.start();
        appender.setEncoder(encoder);
      }
    }
  }
}
