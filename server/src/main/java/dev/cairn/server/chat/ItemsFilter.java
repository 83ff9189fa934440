package dev.cairn.server.chat;

import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.lib.filter.Filter;
import java.util.List;
import java.util.Map;

/** The filter {@code items}: the pairs of a map. */
final class ItemsFilter implements Filter {
  @Override
  public String getName() {
    return "items";
  }

  @Override
  public Object filter(Object value, JinjavaInterpreter interpreter, String... args) {
    return value instanceof Map<?, ?> map ? PythonMethods.items(map) : List.of();
  }
}
