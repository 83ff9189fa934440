package dev.cairn.server.chat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The methods of Python's str, dict and list that chat templates call. */
final class PythonMethods {
  private PythonMethods() {}

  static Object call(Object base, String method, Object[] args) {
    Object result = null;
    if (base instanceof CharSequence text) {
      result = ofText(text.toString(), method, args);
    } else if (base instanceof Map<?, ?> map) {
      result = ofMap(map, method, args);
    } else if (base instanceof List<?> list) {
      result = ofList(list, method, args);
    }
    if (result == null) {
      String type =
          base instanceof CharSequence ? "a text" : base instanceof Map ? "a map" : "this value";
      throw new ChatTemplateException(
          "The model's chat template calls " + method + "(), which " + type + " has not.");
    }
    return result == NONE ? null : result;
  }

  private static final Object NONE = new Object();

  private static Object ofText(String text, String method, Object[] args) {
    return switch (method) {
      case "strip" -> strip(text, characters(args), true, true);
      case "lstrip" -> strip(text, characters(args), true, false);
      case "rstrip" -> strip(text, characters(args), false, true);
      case "startswith" -> anyOf(args[0]).stream().anyMatch(text::startsWith);
      case "endswith" -> anyOf(args[0]).stream().anyMatch(text::endsWith);
      case "split" -> split(text, args);
      case "splitlines" -> new ArrayList<Object>(text.lines().toList());
      case "replace" -> text.replace(string(args[0]), string(args[1]));
      case "upper" -> text.toUpperCase(Locale.ROOT);
      case "lower" -> text.toLowerCase(Locale.ROOT);
      case "title" -> title(text);
      case "capitalize" ->
          text.isEmpty()
              ? text
              : text.substring(0, 1).toUpperCase(Locale.ROOT)
                  + text.substring(1).toLowerCase(Locale.ROOT);
      case "find" -> (long) text.indexOf(string(args[0]));
      case "rfind" -> (long) text.lastIndexOf(string(args[0]));
      case "count" -> count(text, string(args[0]));
      case "join" -> join(text, args[0]);
      case "isdigit" -> !text.isEmpty() && text.chars().allMatch(Character::isDigit);
      case "isspace" -> !text.isEmpty() && text.chars().allMatch(Character::isWhitespace);
      default -> null;
    };
  }

  private static Object ofMap(Map<?, ?> map, String method, Object[] args) {
    return switch (method) {
      case "items" -> items(map);
      case "keys" -> new ArrayList<Object>(map.keySet());
      case "values" -> new ArrayList<Object>(map.values());
      case "get" -> {
        Object value = map.get(string(args[0]));
        Object answer = value == null && args.length > 1 ? args[1] : value;
        yield answer == null ? NONE : answer;
      }
      default -> null;
    };
  }

  private static Object ofList(List<?> list, String method, Object[] args) {
    return switch (method) {
      case "index" -> (long) list.indexOf(args[0]);
      case "count" -> list.stream().filter(args[0]::equals).count();
      default -> null;
    };
  }

  /** Pairs, in the order of the map. */
  static List<Object> items(Map<?, ?> map) {
    List<Object> items = new ArrayList<>(map.size());
    map.forEach((key, value) -> items.add(new ArrayList<>(Arrays.asList(key, value))));
    return items;
  }

  /** Null stands for white space. */
  private static String characters(Object[] args) {
    return args == null || args.length == 0 || args[0] == null ? null : string(args[0]);
  }

  static String strip(String text, String characters, boolean left, boolean right) {
    int start = 0;
    int end = text.length();
    while (left && start < end && drops(text.charAt(start), characters)) {
      start++;
    }
    while (right && end > start && drops(text.charAt(end - 1), characters)) {
      end--;
    }
    return text.substring(start, end);
  }

  private static boolean drops(char c, String characters) {
    return characters == null
        ? Character.isWhitespace(c) || Character.isSpaceChar(c)
        : characters.indexOf(c) >= 0;
  }

  private static List<Object> split(String text, Object[] args) {
    List<Object> parts = new ArrayList<>();
    String separator = characters(args);
    if (separator == null) {
      String bare = text.strip();
      return bare.isEmpty() ? parts : new ArrayList<>(Arrays.asList((Object[]) bare.split("\\s+")));
    }
    if (separator.isEmpty()) {
      throw new ChatTemplateException("The model's chat template splits at an empty text.");
    }
    long most = args.length > 1 ? ((Number) args[1]).longValue() : Long.MAX_VALUE;
    int from = 0;
    int at = text.indexOf(separator);
    while (at >= 0 && (most < 0 || parts.size() < most)) {
      parts.add(text.substring(from, at));
      from = at + separator.length();
      at = text.indexOf(separator, from);
    }
    parts.add(text.substring(from));
    return parts;
  }

  private static String title(String text) {
    StringBuilder out = new StringBuilder(text.length());
    boolean inWord = false;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      out.append(inWord ? Character.toLowerCase(c) : Character.toUpperCase(c));
      inWord = Character.isLetter(c);
    }
    return out.toString();
  }

  private static long count(String text, String part) {
    if (part.isEmpty()) {
      return text.length() + 1L;
    }
    long n = 0;
    for (int at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length())) {
      n++;
    }
    return n;
  }

  private static String join(String separator, Object list) {
    StringBuilder out = new StringBuilder();
    for (Object each : list instanceof Iterable<?> items ? items : List.of(list)) {
      out.append(out.length() == 0 ? "" : separator).append(string(each));
    }
    return out.toString();
  }

  private static List<String> anyOf(Object prefix) {
    List<String> all = new ArrayList<>();
    if (prefix instanceof Iterable<?> several) {
      several.forEach(each -> all.add(string(each)));
    } else {
      all.add(string(prefix));
    }
    return all;
  }

  private static String string(Object value) {
    return value == null ? "None" : value.toString();
  }
}
