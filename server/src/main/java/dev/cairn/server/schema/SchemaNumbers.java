package dev.cairn.server.schema;

import com.fasterxml.jackson.databind.JsonNode;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;

/** Numbers between bounds as grammars. */
final class SchemaNumbers {
  private static final int MAX_DIGITS = 15;
  private static final String FRACTION = "( \".\" [0-9]{1,15} )?";

  private SchemaNumbers() {}

  /** A bound; a bound that is not there has no value. */
  private record Bound(BigInteger value, boolean isExclusive) {}

  /** What a schema says of numbers as a grammar; empty bounds leave any. */
  static String grammar(GrammarText text, String path, JsonNode schema, boolean integer) {
    Bound least = bound(path, schema, "minimum", "exclusiveMinimum", integer, true);
    Bound most = bound(path, schema, "maximum", "exclusiveMaximum", integer, false);
    if (least == null && most == null) {
      return text.base(integer ? "integer" : "number");
    }
    List<String> options = new ArrayList<>();
    BigInteger zero = BigInteger.ZERO;
    if (most == null || most.value().signum() >= 0) {
      Bound from = least == null || least.value().signum() < 0 ? new Bound(zero, false) : least;
      options.addAll(unsigned(from, most, integer));
    }
    if (least == null || least.value().signum() < 0) {
      Bound from =
          most == null || most.value().signum() >= 0
              ? new Bound(zero, true)
              : new Bound(most.value().negate(), most.isExclusive());
      Bound to = least == null ? null : new Bound(least.value().negate(), least.isExclusive());
      unsigned(from, to, integer).forEach(option -> options.add("\"-\" ( " + option + " )"));
    }
    if (options.isEmpty()) {
      throw new SchemaException(path, "has bounds between which there is no number.");
    }
    return String.join(" | ", options);
  }

  private static Bound bound(
      String path,
      JsonNode schema,
      String inclusive,
      String exclusive,
      boolean integer,
      boolean low) {
    Bound found = null;
    for (String keyword : List.of(inclusive, exclusive)) {
      JsonNode node = schema.get(keyword);
      if (node == null) {
        continue;
      }
      if (!node.isNumber()) {
        throw new SchemaException(
            path, "has a " + keyword + " that is no number; expected a number.");
      }
      boolean isExclusive = keyword.equals(exclusive);
      BigDecimal value = node.decimalValue();
      boolean isWhole = value.stripTrailingZeros().scale() <= 0;
      if (!isWhole && !integer) {
        throw new SchemaException(
            path,
            "has a "
                + keyword
                + " with a fraction, which is not supported here; expected an"
                + " integer.");
      }
      BigInteger whole = value.setScale(0, java.math.RoundingMode.FLOOR).toBigInteger();
      if (integer) {
        // Of integers every bound can be one that belongs to them.
        BigInteger up = whole.add(BigInteger.ONE);
        whole =
            low
                ? (isWhole && !isExclusive ? whole : up)
                : (isWhole && isExclusive ? whole.subtract(BigInteger.ONE) : whole);
        isExclusive = false;
      }
      if (whole.abs().toString().length() > MAX_DIGITS) {
        throw new SchemaException(
            path, "has a " + keyword + " of more than " + MAX_DIGITS + " digits; expected fewer.");
      }
      Bound each = new Bound(whole, isExclusive);
      int order =
          found == null ? 1 : low ? whole.compareTo(found.value()) : found.value().compareTo(whole);
      if (order > 0 || (order == 0 && isExclusive)) {
        found = each;
      }
    }
    return found;
  }

  /** Numbers without a sign, from 0 or above. */
  private static List<String> unsigned(Bound from, Bound to, boolean integer) {
    List<String> options = new ArrayList<>();
    BigInteger first = from.value();
    if (from.isExclusive()) {
      if (!integer && (to == null || to.value().compareTo(first) > 0)) {
        options.add("\"" + first + ".\" [0-9]{0,14} [1-9]");
      }
      first = first.add(BigInteger.ONE);
    }
    if (to == null) {
      String whole = "( " + String.join(" | ", upFrom(first)) + " )";
      options.add(integer ? whole : whole + " " + FRACTION);
      return options;
    }
    BigInteger last = integer ? to.value() : to.value().subtract(BigInteger.ONE);
    if (integer && to.isExclusive()) {
      last = last.subtract(BigInteger.ONE);
    }
    if (first.compareTo(last) <= 0) {
      String whole = "( " + String.join(" | ", between(first, last)) + " )";
      options.add(integer ? whole : whole + " " + FRACTION);
    }
    if (!integer && !to.isExclusive() && first.compareTo(to.value()) <= 0) {
      options.add("\"" + to.value() + "\" ( \".\" \"0\"{1,15} )?");
    }
    return options;
  }

  private static List<String> upFrom(BigInteger first) {
    int digits = first.toString().length();
    List<String> options =
        new ArrayList<>(between(first, BigInteger.TEN.pow(digits).subtract(BigInteger.ONE)));
    if (digits < MAX_DIGITS) {
      options.add("[1-9] [0-9]{" + digits + "," + MAX_DIGITS + "}");
    }
    return options;
  }

  private static List<String> between(BigInteger first, BigInteger last) {
    List<String> options = new ArrayList<>();
    BigInteger from = first;
    while (from.compareTo(last) <= 0) {
      BigInteger longest = BigInteger.TEN.pow(from.toString().length()).subtract(BigInteger.ONE);
      BigInteger to = longest.min(last);
      digits(from.toString(), to.toString(), "", options);
      from = to.add(BigInteger.ONE);
    }
    return options;
  }

  /** Numbers of as many digits as both bounds have. */
  private static void digits(String from, String to, String before, List<String> options) {
    if (from.isEmpty()) {
      options.add("\"" + before + "\"");
      return;
    }
    char low = from.charAt(0);
    char high = to.charAt(0);
    String restFrom = from.substring(1);
    String restTo = to.substring(1);
    if (low == high) {
      digits(restFrom, restTo, before + low, options);
      return;
    }
    String nines = "9".repeat(restFrom.length());
    String zeros = "0".repeat(restFrom.length());
    if (!restFrom.equals(zeros)) {
      digits(restFrom, nines, before + low, options);
      low++;
    }
    boolean wholeTop = restTo.equals(nines);
    char top = wholeTop ? high : (char) (high - 1);
    if (low <= top) {
      String any = restFrom.isEmpty() ? "" : " [0-9]{" + restFrom.length() + "}";
      options.add(
          (before.isEmpty() ? "" : "\"" + before + "\" ") + "[" + low + "-" + top + "]" + any);
    }
    if (!wholeTop) {
      digits(zeros, restTo, before + high, options);
    }
  }
}
