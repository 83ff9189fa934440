package dev.cairn.server.chat;

import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.lib.exptest.ExpTest;
import java.util.Map;

/** {@code is iterable} and {@code is sequence} as in Python, where a text is both. */
final class IterableTest implements ExpTest {
  private final String name;

  IterableTest(String name) {
    this.name = name;
  }

  @Override
  public String getName() {
    return name;
  }

  @Override
  public boolean evaluate(Object value, JinjavaInterpreter interpreter, Object... args) {
    return value instanceof Iterable || value instanceof CharSequence || value instanceof Map;
  }
}
