package dev.cairn.server.logging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.slf4j.MDC;

class JsonLogEncoderTest {
  private final List<String> lines = new ArrayList<>();
  private final Logger log = logger();

  private Logger logger() {
    LoggerContext context = new LoggerContext();
    context.setMDCAdapter(MDC.getMDCAdapter());
    JsonLogEncoder encoder = new JsonLogEncoder();
    AppenderBase<ILoggingEvent> appender =
        new AppenderBase<>() {
          @Override
          protected void append(ILoggingEvent event) {
            lines.add(new String(encoder.encode(event), StandardCharsets.UTF_8));
          }
        };
    appender.setContext(context);
    appender.start();
    Logger logger = context.getLogger("dev.cairn.Some");
    logger.setLevel(Level.INFO);
    logger.addAppender(appender);
    return logger;
  }

  private JsonNode line(int number) {
    String line = lines.get(number);
    assertThat(line).endsWith("\n");
    assertThat(line.indexOf('\n')).as("one line").isEqualTo(line.length() - 1);
    assertThat(line).doesNotContain("\r");
    try {
      return new ObjectMapper().readTree(line);
    } catch (IOException e) {
      throw new UncheckedIOException(line, e);
    }
  }

  @Test
  @DisplayName("a line is an object with time, level, logger, message and request")
  void fields() {
    try (MDC.MDCCloseable request = MDC.putCloseable(JsonLogEncoder.REQUEST_ID, "r-1")) {
      log.warn("request {} waits", "r-1");
    }
    log.atInfo().addKeyValue("request_id", "r-2").log("goes on");
    JsonNode first = line(0);
    assertThat(java.time.Instant.parse(first.get("time").asText())).isNotNull();
    assertThat(first.get("level").asText()).isEqualTo("WARN");
    assertThat(first.get("logger").asText()).isEqualTo("dev.cairn.Some");
    assertThat(first.get("message").asText()).isEqualTo("request r-1 waits");
    assertThat(first.get("request_id").asText()).isEqualTo("r-1");
    assertThat(first.has("exception")).isFalse();
    assertThat(line(1).get("request_id").asText()).isEqualTo("r-2");
  }

  @Test
  @DisplayName("an exception is whole, and no text forges a line")
  void texts() {
    String forged = "a\"}\r\n{\"level\":\"INFO\",\"message\":\"forged\" \u0000\u001b[31m";
    log.error(forged, new IllegalStateException("broken\nhere", new IOException("below")));
    JsonNode line = line(0);
    assertThat(line.get("message").asText()).isEqualTo(forged);
    assertThat(line.at("/exception/class").asText()).isEqualTo("java.lang.IllegalStateException");
    assertThat(line.at("/exception/message").asText()).isEqualTo("broken\nhere");
    assertThat(line.at("/exception/stack_trace").asText())
        .contains(
            "at dev.cairn.server.logging.JsonLogEncoderTest", "Caused by: java.io.IOException");
    assertThat(lines.get(0)).doesNotContain("\u001b", "\u0000");
  }

  @Test
  @DisplayName("another format is refused by name")
  void formats() {
    assertThat(LogFormat.of("json")).isEqualTo(LogFormat.JSON);
    assertThatThrownBy(() -> LogFormat.of("xml"))
        .hasMessage("cairn.log.format is xml; expected text or json.");
  }
}
