package dev.cairn.server.chat;

import java.util.Set;
import java.util.regex.Pattern;

/**
 * Says in Jinjava's words what a template says in Python's, where the two read the same text
 * differently: {@code not a == b} negates the comparison, the value of a named argument reaches to
 * the next comma, {@code list[::-1]} turns a list round. Only what stands between Jinja's braces is
 * touched, and no text in quotes.
 */
final class JinjaSource {
  private static final Pattern REVERSED = Pattern.compile("([A-Za-z_][A-Za-z_0-9.]*)\\[::-1]");
  private static final Set<String> ENDS_OPERAND = Set.of("and", "or", "if", "else");

  private static final Pattern DECLARATION = Pattern.compile("[-+]?\\s*(macro|call)\\b");

  private final String code;
  private final boolean declares;
  private final StringBuilder out = new StringBuilder();
  private int at;

  private boolean call;

  private JinjaSource(String code) {
    this.code = code;
    this.declares = DECLARATION.matcher(code).lookingAt();
  }

  static String forJinjava(String template) {
    StringBuilder out = new StringBuilder(template.length() + 64);
    int from = 0;
    while (true) {
      int start = nextCode(template, from);
      if (start < 0) {
        return out.append(template, from, template.length()).toString();
      }
      String close = template.charAt(start + 1) == '%' ? "%}" : "}}";
      int end = end(template, start + 2, close);
      out.append(template, from, start + 2);
      JinjaSource code = new JinjaSource(template.substring(start + 2, end));
      code.expressions(false);
      out.append(REVERSED.matcher(code.out).replaceAll("($1|reverse|list)"));
      from = end;
    }
  }

  /** Where the next statement or expression begins; comments are passed over. */
  private static int nextCode(String template, int from) {
    int i = template.indexOf('{', from);
    while (i >= 0 && i + 1 < template.length()) {
      char c = template.charAt(i + 1);
      if (c == '%' || c == '{') {
        return i;
      }
      int comment = c == '#' ? template.indexOf("#}", i + 2) : -1;
      i = template.indexOf('{', comment >= 0 ? comment : i + 1);
    }
    return -1;
  }

  private static int end(String template, int from, String close) {
    char quote = 0;
    for (int i = from; i < template.length(); i++) {
      char c = template.charAt(i);
      if (quote != 0) {
        i += c == '\\' ? 1 : 0;
        quote = c == quote ? 0 : quote;
      } else if (c == '\'' || c == '"') {
        quote = c;
      } else if (template.startsWith(close, i)) {
        return i;
      }
    }
    return template.length();
  }

  /**
   * Copies what is left of the code.
   *
   * @param operand only as far as one operand of {@code not} or one argument reaches
   */
  private void expressions(boolean operand) {
    String before = "";
    while (at < code.length()) {
      char c = code.charAt(at);
      if (c == '\'' || c == '"') {
        quoted(c);
      } else if (Character.isJavaIdentifierStart(c)) {
        String word = word();
        if (operand && ENDS_OPERAND.contains(word)) {
          return;
        }
        at += word.length();
        out.append(word);
        if (word.equals("not") && !before.equals("is") && !isNext("in")) {
          wrapped();
          word = "";
        }
        before = word;
        continue;
      } else if (c == '(' || c == '[' || c == '{') {
        out.append(c);
        at++;
        inside(c == '(' && !before.isEmpty());
      } else if (c == ')' || c == ']' || c == '}' || (operand && c == ',')) {
        return;
      } else if (c == '=' && isNamed()) {
        out.append(c);
        at++;
        wrapped();
      } else {
        out.append(c);
        at++;
      }
      before = Character.isWhitespace(c) ? before : "";
    }
  }

  /** What stands in brackets, and the bracket behind it. */
  private void inside(boolean isCall) {
    boolean outer = call;
    call = isCall;
    expressions(false);
    call = outer;
    if (at < code.length()) {
      out.append(code.charAt(at++));
    }
  }

  private boolean isNamed() {
    return call
        && !declares
        && (at + 1 >= code.length() || code.charAt(at + 1) != '=')
        && at > 0
        && "=!<>".indexOf(code.charAt(at - 1)) < 0;
  }

  private void wrapped() {
    boolean outer = call;
    call = false;
    int start = out.length();
    expressions(true);
    call = outer;
    String value = out.substring(start);
    int dash = value.endsWith("-") ? 1 : 0;
    String bare = value.substring(0, value.length() - dash);
    out.setLength(start);
    out.append(" (").append(bare.strip()).append(") ").append(dash == 0 ? "" : "-");
  }

  private void quoted(char quote) {
    out.append(code.charAt(at++));
    while (at < code.length()) {
      char c = code.charAt(at++);
      out.append(c);
      if (c == '\\' && at < code.length()) {
        out.append(code.charAt(at++));
      } else if (c == quote) {
        return;
      }
    }
  }

  private String word() {
    int end = at;
    while (end < code.length() && Character.isJavaIdentifierPart(code.charAt(end))) {
      end++;
    }
    return code.substring(at, end);
  }

  private boolean isNext(String word) {
    int i = at;
    while (i < code.length() && Character.isWhitespace(code.charAt(i))) {
      i++;
    }
    return code.startsWith(word, i)
        && (i + word.length() == code.length()
            || !Character.isJavaIdentifierPart(code.charAt(i + word.length())));
  }
}
