package dev.cairn.server.keys;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A key of the API port as it is kept.
 *
 * @param name names its owner in logs
 * @param hash SHA-256, 64 hexadecimal digits
 * @param tenant whose requests its owner makes
 * @param requestsPerMinute calls that make requests, on a gateway; 0: any
 * @param tokensPerMinute tokens that these ask for, prompt and output, on a gateway; 0: any
 * @param weight part of a device's time that the tenant gets; 0: as {@code cairn.tenants} says
 */
public record ApiKey(
    String name,
    ApiRole role,
    String hash,
    String tenant,
    long requestsPerMinute,
    long tokensPerMinute,
    double weight)
    implements StoredKey {
  private static final String FORM = "name:role:SHA-256 of the key:tenant=NAME";
  private static final String REQUESTS = "requests-per-minute";
  private static final String TOKENS = "tokens-per-minute";
  private static final String WEIGHT = "weight";

  /** Checks its parts. */
  public ApiKey {
    KeyText.checkName("name", name);
    KeyText.checkHash(hash);
    KeyText.checkName("tenant", tenant);
    if (requestsPerMinute < 0 || tokensPerMinute < 0 || !(weight >= 0 && weight <= 1e6)) {
      throw new IllegalArgumentException(
          REQUESTS
              + " is "
              + requestsPerMinute
              + ", "
              + TOKENS
              + " "
              + tokensPerMinute
              + " and "
              + WEIGHT
              + " "
              + weight
              + ", expected 0 or more, and a weight up to 1000000");
    }
  }

  /** The file of such keys. */
  public static KeysFile<ApiKey> file(Path path) {
    return new KeysFile<>(
        path,
        ApiKey::parse,
        FORM + ", and perhaps :" + REQUESTS + "=N:" + TOKENS + "=N:" + WEIGHT + "=X");
  }

  private static ApiKey parse(String line) {
    String[] parts = line.split(":", -1);
    if (parts.length < 4) {
      throw new IllegalArgumentException("it has " + parts.length + " parts, expected " + FORM);
    }
    Map<String, String> more = new LinkedHashMap<>();
    for (int i = 3; i < parts.length; i++) {
      int at = parts[i].indexOf('=');
      if (at < 0 || more.put(parts[i].substring(0, at), parts[i].substring(at + 1)) != null) {
        throw new IllegalArgumentException(
            "part " + (i + 1) + " is no new NAME=VALUE, expected " + FORM);
      }
    }
    ApiKey key =
        new ApiKey(
            parts[0],
            ApiRole.of(parts[1]),
            parts[2],
            more.containsKey("tenant") ? more.remove("tenant") : "",
            whole(more, REQUESTS),
            whole(more, TOKENS),
            real(more));
    if (!more.isEmpty()) {
      throw new IllegalArgumentException(
          "it has "
              + more.keySet().iterator().next()
              + ", expected tenant, "
              + REQUESTS
              + ", "
              + TOKENS
              + " or "
              + WEIGHT);
    }
    return key;
  }

  private static long whole(Map<String, String> more, String name) {
    String text = more.remove(name);
    if (text != null && !text.matches("[0-9]{1,15}")) {
      throw new IllegalArgumentException(name + " is \"" + text + "\", expected a number");
    }
    return text == null ? 0 : Long.parseLong(text);
  }

  private static double real(Map<String, String> more) {
    String text = more.remove(WEIGHT);
    if (text != null && !text.matches("[0-9]{1,7}(\\.[0-9]{1,9})?")) {
      throw new IllegalArgumentException(WEIGHT + " is \"" + text + "\", expected a number");
    }
    return text == null ? 0 : Double.parseDouble(text);
  }

  @Override
  public String line() {
    return name
        + ":"
        + role.text()
        + ":"
        + hash
        + ":tenant="
        + tenant
        + (requestsPerMinute > 0 ? ":" + REQUESTS + "=" + requestsPerMinute : "")
        + (tokensPerMinute > 0 ? ":" + TOKENS + "=" + tokensPerMinute : "")
        + (weight > 0
            ? ":" + WEIGHT + "=" + java.math.BigDecimal.valueOf(weight).toPlainString()
            : "");
  }

  /** Without the hash, so that no log ever holds it. */
  @Override
  public String toString() {
    return name + " (" + role.text() + " of tenant " + tenant + ")";
  }
}
