package dev.cairn.server.chat;

import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.lib.exptest.ExpTest;
import com.hubspot.jinjava.lib.filter.Filter;
import com.hubspot.jinjava.util.ForLoop;
import java.beans.FeatureDescriptor;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import jinjava.javax.el.ELContext;
import jinjava.javax.el.ELResolver;

/**
 * All that an expression of a template may touch: elements of lists and maps, characters of texts,
 * the counters of a loop, and the methods of {@link PythonMethods}. There is no reflection: what is
 * not written here does not exist for a template.
 */
final class TemplateSandbox extends ELResolver {
  private static final ThreadLocal<Deadline> DEADLINE = new ThreadLocal<>();

  private record Deadline(long nanos, long millis) {}

  /** Leaves Jinjava, which turns every exception into a message and goes on. */
  private static final class TimeUp extends Error {
    private static final long serialVersionUID = 1L;

    TimeUp() {
      super("time is up", null, false, false);
    }
  }

  /**
   * Runs what renders a template.
   *
   * @throws ChatTemplateException where it takes longer than it may
   */
  static <T> T within(long millis, Supplier<T> work) {
    DEADLINE.set(new Deadline(System.nanoTime() + millis * 1_000_000, millis));
    try {
      return work.get();
    } catch (TimeUp e) {
      throw new ChatTemplateException(
          "The model's chat template ran for longer than " + millis + " ms.");
    } catch (StackOverflowError e) {
      throw new ChatTemplateException("The model's chat template is nested too deeply.");
    } finally {
      DEADLINE.remove();
    }
  }

  static void checkTime() {
    Deadline deadline = DEADLINE.get();
    if (deadline != null && System.nanoTime() - deadline.nanos() > 0) {
      throw new TimeUp();
    }
  }

  @Override
  public Object getValue(ELContext context, Object base, Object property) {
    checkTime();
    if (base == null) {
      return null;
    }
    context.setPropertyResolved(true);
    String name = String.valueOf(property);
    if (base instanceof Map<?, ?> map) {
      return map.get(name);
    }
    if (base instanceof List<?> list) {
      int index = index(name, list.size());
      return index < 0 ? null : list.get(index);
    }
    if (base instanceof CharSequence text) {
      int index = index(name, text.length());
      return index < 0 ? null : String.valueOf(text.charAt(index));
    }
    if (base instanceof ForLoop loop) {
      return counter(loop, name);
    }
    return null;
  }

  private static int index(String name, int size) {
    try {
      int index = Integer.parseInt(name);
      int counted = index < 0 ? index + size : index;
      return counted < size ? Math.max(-1, counted) : -1;
    } catch (NumberFormatException e) {
      return -1;
    }
  }

  private static Object counter(ForLoop loop, String name) {
    return switch (name) {
      case "index" -> loop.getIndex();
      case "index0" -> loop.getIndex0();
      case "revindex" -> loop.getRevindex();
      case "revindex0" -> loop.getRevindex0();
      case "first" -> loop.isFirst();
      case "last" -> loop.isLast();
      case "length" -> loop.getLength();
      default -> null;
    };
  }

  @Override
  public Object invoke(
      ELContext context, Object base, Object method, Class<?>[] types, Object[] params) {
    checkTime();
    context.setPropertyResolved(true);
    String name = String.valueOf(method);
    if (base instanceof ExpTest test && params.length >= 2) {
      Object[] args = Arrays.copyOfRange(params, 2, params.length);
      JinjavaInterpreter interpreter = (JinjavaInterpreter) params[1];
      return switch (name) {
        case "evaluate" -> test.evaluate(params[0], interpreter, flat(args));
        case "evaluateNegated" -> test.evaluateNegated(params[0], interpreter, flat(args));
        default -> null;
      };
    }
    if (base instanceof Filter filter && name.equals("filter") && params.length == 4) {
      @SuppressWarnings("unchecked") // Jinjava makes this map itself.
      Map<String, Object> named = (Map<String, Object>) params[3];
      return filter.filter(params[0], (JinjavaInterpreter) params[1], (Object[]) params[2], named);
    }
    return PythonMethods.call(base, name, params);
  }

  /** Variable arguments come as one array or one by one. */
  private static Object[] flat(Object[] args) {
    return args.length == 1 && args[0] instanceof Object[] inner ? inner : args;
  }

  @Override
  public Class<?> getType(ELContext context, Object base, Object property) {
    context.setPropertyResolved(true);
    return Object.class;
  }

  @Override
  public void setValue(ELContext context, Object base, Object property, Object value) {
    throw new ChatTemplateException(
        "The model's chat template assigns to " + property + ", which it was given.");
  }

  @Override
  public boolean isReadOnly(ELContext context, Object base, Object property) {
    return true;
  }

  @Override
  public Iterator<FeatureDescriptor> getFeatureDescriptors(ELContext context, Object base) {
    return null;
  }

  @Override
  public Class<?> getCommonPropertyType(ELContext context, Object base) {
    return Object.class;
  }
}
