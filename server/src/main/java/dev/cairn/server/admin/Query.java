package dev.cairn.server.admin;

import dev.cairn.server.http.ApiError;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.http.javadsl.model.Uri;
import org.apache.pekko.japi.Pair;

/** The parameters of a query; one that is unknown, repeated or wrong is refused in a sentence. */
final class Query {
  private static final Pattern TEXT = Pattern.compile("[\\x21-\\x7e]{1,200}");

  private final Map<String, String> values = new HashMap<>();

  /**
   * @param known names that the route knows
   */
  Query(HttpRequest request, List<String> known) {
    for (Pair<String, String> each :
        request.getUri().query(StandardCharsets.UTF_8, Uri.RELAXED).toList()) {
      String name = each.first();
      if (!known.contains(name)) {
        throw ApiError.invalid(
            "query",
            "The query holds a parameter that is not known; expected "
                + (known.isEmpty() ? "none" : String.join(", ", known))
                + ".");
      }
      if (values.put(name, each.second()) != null) {
        throw ApiError.invalid(name, name + " is there twice; expected once.");
      }
    }
  }

  Optional<String> text(String name) {
    Optional<String> value = Optional.ofNullable(values.get(name));
    value
        .filter(text -> !TEXT.matcher(text).matches())
        .ifPresent(
            text -> {
              throw ApiError.invalid(
                  name,
                  name
                      + " has "
                      + text.length()
                      + " characters; expected 1 to 200, visible ASCII characters alone.");
            });
    return value;
  }

  int number(String name, int absent, int min, int max) {
    return text(name)
        .map(
            text -> {
              if (!text.matches("[0-9]{1,9}")
                  || Integer.parseInt(text) < min
                  || Integer.parseInt(text) > max) {
                throw ApiError.invalid(
                    name,
                    name + " is " + text + "; expected a number from " + min + " to " + max + ".");
              }
              return Integer.parseInt(text);
            })
        .orElse(absent);
  }

  <E extends Enum<E>> Optional<E> choice(String name, Class<E> type) {
    return text(name).map(text -> one(name, text, type));
  }

  /** The constant of this name in lower case. */
  static <E extends Enum<E>> E one(String name, String text, Class<E> type) {
    Map<String, E> all =
        Arrays.stream(type.getEnumConstants())
            .collect(Collectors.toMap(AdminJson::text, Function.identity()));
    E value = all.get(text);
    if (value == null) {
      throw ApiError.invalid(
          name,
          name
              + " is "
              + (text.length() > 40 ? text.substring(0, 40) + "…" : text)
              + "; expected "
              + Arrays.stream(type.getEnumConstants())
                  .map(each -> each.name().toLowerCase(Locale.ROOT))
                  .collect(Collectors.joining(", "))
              + ".");
    }
    return value;
  }
}
