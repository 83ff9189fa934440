package dev.cairn.server.logging;

import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.IThrowableProxy;
import ch.qos.logback.classic.spi.ThrowableProxyUtil;
import ch.qos.logback.core.encoder.EncoderBase;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.slf4j.event.KeyValuePair;

/**
 * One JSON object a line: time, level, logger, thread and message, the request that it is about
 * where that is known, and the exception with its stack trace. Whatever a text holds, it ends no
 * line.
 */
public final class JsonLogEncoder extends EncoderBase<ILoggingEvent> {
  /** Key of the context that names the request. */
  public static final String REQUEST_ID = "request_id";

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final byte[] NOTHING = {};

  @Override
  public byte[] headerBytes() {
    return NOTHING;
  }

  @Override
  public byte[] footerBytes() {
    return NOTHING;
  }

  @Override
  public byte[] encode(ILoggingEvent event) {
    ObjectNode out = JsonNodeFactory.instance.objectNode();
    out.put("time", event.getInstant().toString());
    out.put("level", event.getLevel().toString());
    out.put("logger", event.getLoggerName());
    out.put("thread", event.getThreadName());
    out.put("message", event.getFormattedMessage());
    Map<String, String> context = event.getMDCPropertyMap();
    if (context.containsKey(REQUEST_ID)) {
      out.put(REQUEST_ID, context.get(REQUEST_ID));
    }
    if (event.getKeyValuePairs() != null) {
      for (KeyValuePair pair : event.getKeyValuePairs()) {
        out.put(pair.key, String.valueOf(pair.value));
      }
    }
    IThrowableProxy thrown = event.getThrowableProxy();
    if (thrown != null) {
      ObjectNode exception = out.putObject("exception");
      exception.put("class", thrown.getClassName());
      exception.put("message", thrown.getMessage());
      exception.put("stack_trace", ThrowableProxyUtil.asString(thrown));
    }
    try {
      return (JSON.writeValueAsString(out) + "\n").getBytes(StandardCharsets.UTF_8);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a tree of texts cannot be written", e);
    }
  }
}
