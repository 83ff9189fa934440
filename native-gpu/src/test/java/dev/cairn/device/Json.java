package dev.cairn.device;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A JSON value of a well-formed test file. */
final class Json {
  private final Object value;

  private Json(Object value) {
    this.value = value;
  }

  static Json parse(String text) {
    return new Parser(text).value();
  }

  Json get(String key) {
    return (Json) ((Map<?, ?>) value).get(key);
  }

  List<Json> list() {
    return ((List<?>) value).stream().map(Json.class::cast).toList();
  }

  String text() {
    return (String) value;
  }

  double number() {
    return value == null ? Double.NaN : (Double) value;
  }

  int[] ints() {
    return list().stream().mapToInt(j -> (int) j.number()).toArray();
  }

  double[] doubles() {
    return list().stream().mapToDouble(Json::number).toArray();
  }

  private static final class Parser {
    private final String text;
    private int at;

    Parser(String text) {
      this.text = text;
    }

    Json value() {
      return switch (next()) {
        case '{' -> object();
        case '[' -> array();
        case '"' -> new Json(string());
        case 'n' -> {
          at += 4;
          yield new Json(null);
        }
        default -> {
          int start = at;
          while (at < text.length() && ",]} \n\r".indexOf(text.charAt(at)) < 0) {
            at++;
          }
          yield new Json(Double.valueOf(text.substring(start, at)));
        }
      };
    }

    private char next() {
      while (Character.isWhitespace(text.charAt(at))) {
        at++;
      }
      return text.charAt(at);
    }

    private Json object() {
      Map<String, Json> map = new LinkedHashMap<>();
      at++;
      while (next() != '}') {
        String key = string();
        next();
        at++;
        map.put(key, value());
        if (next() == ',') {
          at++;
          next();
        }
      }
      at++;
      return new Json(map);
    }

    private Json array() {
      List<Json> list = new ArrayList<>();
      at++;
      while (next() != ']') {
        list.add(value());
        if (next() == ',') {
          at++;
        }
      }
      at++;
      return new Json(list);
    }

    /** A string; of escapes only the escaped character is kept. */
    private String string() {
      StringBuilder out = new StringBuilder();
      at++;
      while (text.charAt(at) != '"') {
        if (text.charAt(at) == '\\') {
          at++;
        }
        out.append(text.charAt(at++));
      }
      at++;
      return out.toString();
    }
  }
}
