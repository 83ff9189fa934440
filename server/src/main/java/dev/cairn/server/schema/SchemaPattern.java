package dev.cairn.server.schema;

import java.util.BitSet;

/**
 * Regular expressions of {@code pattern} as grammars over the characters of a JSON string. Known
 * are characters, classes, escapes of classes, groups, alternatives and repetitions, and {@code ^}
 * and {@code $} at the ends of an alternative.
 */
final class SchemaPattern {
  private static final int MAX_CODE_POINT = 0x10FFFF;
  private static final int MAX_REPEATS = 500;
  private static final int MAX_GROUPS = 20;

  private final String path;
  private final String pattern;
  private int at;
  private int groups;

  private SchemaPattern(String path, String pattern) {
    this.path = path;
    this.pattern = pattern;
  }

  static String grammar(String path, String pattern) {
    SchemaPattern parser = new SchemaPattern(path, pattern);
    String expression = parser.alternatives(true);
    if (parser.at < pattern.length()) {
      throw parser.unsupported("\"" + pattern.charAt(parser.at) + "\"");
    }
    return "\"\\\"\" ( " + expression + " ) \"\\\"\"";
  }

  private String alternatives(boolean outermost) {
    StringBuilder out = new StringBuilder();
    out.append(sequence(outermost));
    while (at < pattern.length() && pattern.charAt(at) == '|') {
      at++;
      out.append(" | ").append(sequence(outermost));
    }
    return out.toString();
  }

  private String sequence(boolean outermost) {
    StringBuilder out = new StringBuilder();
    if (outermost) {
      if (at < pattern.length() && pattern.charAt(at) == '^') {
        at++;
      } else {
        out.append(GrammarText.CHARACTER).append("* ");
      }
    }
    boolean ended = false;
    while (at < pattern.length() && pattern.charAt(at) != '|' && pattern.charAt(at) != ')') {
      if (pattern.charAt(at) == '$' && outermost) {
        at++;
        ended = true;
        if (at < pattern.length() && pattern.charAt(at) != '|') {
          throw unsupported("\"$\" before the end");
        }
      } else {
        out.append(repeated(atom())).append(' ');
      }
    }
    if (outermost && !ended) {
      out.append(GrammarText.CHARACTER).append("* ");
    }
    return out.length() == 0 ? "\"\"" : out.toString();
  }

  private String repeated(String atom) {
    char c = at < pattern.length() ? pattern.charAt(at) : 0;
    String repeat = "";
    if (c == '*' || c == '+' || c == '?') {
      repeat = String.valueOf(c);
      at++;
    } else if (c == '{') {
      int end = pattern.indexOf('}', at);
      repeat = end < 0 ? "" : pattern.substring(at, end + 1);
      if (!repeat.matches("\\{\\d{1,4}(,\\d{0,4})?}")) {
        throw unsupported("\"{\" without counts");
      }
      for (String count : repeat.substring(1, repeat.length() - 1).split(",")) {
        if (Integer.parseInt(count) > MAX_REPEATS) {
          throw unsupported("a repetition of more than " + MAX_REPEATS);
        }
      }
      at = end + 1;
    }
    if (!repeat.isEmpty() && at < pattern.length() && pattern.charAt(at) == '?') {
      // Which repetition is tried first makes no difference for what matches.
      at++;
    }
    return atom + repeat;
  }

  private String atom() {
    char c = pattern.charAt(at);
    switch (c) {
      case '(':
        return group();
      case '[':
        return GrammarText.oneOf(characters());
      case '.':
        at++;
        BitSet any = all();
        any.clear('\n');
        any.clear('\r');
        any.clear(0x2028, 0x202A);
        return GrammarText.oneOf(any);
      case '\\':
        return GrammarText.oneOf(escape());
      case '*', '+', '?', '{', '^', '$':
        throw unsupported("\"" + c + "\" there");
      default:
        return GrammarText.oneOf(single(codePoint()));
    }
  }

  private String group() {
    at++;
    if (++groups > MAX_GROUPS) {
      throw unsupported("more than " + MAX_GROUPS + " groups in one another");
    }
    if (pattern.startsWith("?:", at)) {
      at += 2;
    } else if (pattern.startsWith("?", at)) {
      throw unsupported("\"(?\"");
    }
    String inside = alternatives(false);
    if (at >= pattern.length()) {
      throw unsupported("\"(\" without \")\"");
    }
    at++;
    groups--;
    return "( " + inside + " )";
  }

  private BitSet characters() {
    at++;
    boolean not = at < pattern.length() && pattern.charAt(at) == '^';
    at += not ? 1 : 0;
    BitSet set = new BitSet();
    while (at < pattern.length() && pattern.charAt(at) != ']') {
      boolean isEscape = pattern.charAt(at) == '\\';
      BitSet first = isEscape ? escape() : single(codePoint());
      boolean isRange =
          first.cardinality() == 1
              && at + 1 < pattern.length()
              && pattern.charAt(at) == '-'
              && pattern.charAt(at + 1) != ']';
      if (isRange) {
        at++;
        BitSet last = pattern.charAt(at) == '\\' ? escape() : single(codePoint());
        if (last.cardinality() != 1 || last.length() < first.length()) {
          throw unsupported("a range that does not rise");
        }
        set.set(first.nextSetBit(0), last.length());
      } else {
        set.or(first);
      }
    }
    if (at >= pattern.length()) {
      throw unsupported("\"[\" without \"]\"");
    }
    at++;
    if (not) {
      set.flip(0, MAX_CODE_POINT + 1);
      set.clear(0xD800, 0xE000);
    }
    if (set.isEmpty()) {
      throw unsupported("a class of no character");
    }
    return set;
  }

  private BitSet escape() {
    at++;
    if (at >= pattern.length()) {
      throw unsupported("\"\\\" at its end");
    }
    char c = pattern.charAt(at++);
    return switch (c) {
      case 'd', 'w', 's' -> named(c);
      case 'D', 'W', 'S' -> {
        BitSet all = all();
        all.andNot(named(Character.toLowerCase(c)));
        yield all;
      }
      case 'n' -> single('\n');
      case 'r' -> single('\r');
      case 't' -> single('\t');
      case 'f' -> single('\f');
      case 'x' -> single(hex(2));
      case 'u' -> single(hex(4));
      default -> {
        if (Character.isLetterOrDigit(c)) {
          throw unsupported("\"\\" + c + "\"");
        }
        yield single(c);
      }
    };
  }

  private int hex(int digits) {
    String hex = pattern.substring(at, Math.min(pattern.length(), at + digits));
    if (!hex.matches("[0-9a-fA-F]{" + digits + "}")) {
      throw unsupported("an escape without " + digits + " hexadecimal digits");
    }
    at += digits;
    return Integer.parseInt(hex, 16);
  }

  private static BitSet named(char name) {
    BitSet set = new BitSet();
    switch (name) {
      case 'd' -> set.set('0', '9' + 1);
      case 'w' -> {
        set.set('0', '9' + 1);
        set.set('A', 'Z' + 1);
        set.set('a', 'z' + 1);
        set.set('_');
      }
      default -> {
        set.set('\t', '\r' + 1);
        set.set(' ');
        set.set(0xA0);
        set.set(0x1680);
        set.set(0x2000, 0x200B);
        set.set(0x2028, 0x202A);
        set.set(0x202F);
        set.set(0x205F);
        set.set(0x3000);
        set.set(0xFEFF);
      }
    }
    return set;
  }

  private static BitSet all() {
    BitSet set = new BitSet();
    set.set(0, MAX_CODE_POINT + 1);
    set.clear(0xD800, 0xE000);
    return set;
  }

  private static BitSet single(int c) {
    BitSet set = new BitSet();
    set.set(c);
    return set;
  }

  private int codePoint() {
    int c = pattern.codePointAt(at);
    at += Character.charCount(c);
    return c;
  }

  private SchemaException unsupported(String what) {
    return new SchemaException(
        path,
        "has the keyword \"pattern\" with "
            + what
            + ", which is not supported here; expected characters, classes, groups, alternatives"
            + " and repetitions.");
  }
}
