package dev.cairn.server.keys;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** What a key of the API port allows. */
public enum ApiRole {
  /** To look at its tenant's requests. */
  VIEWER,
  /** To make and steer its tenant's requests as well. */
  USER,
  /** The same for every tenant, and to look at the metrics. */
  ADMIN;

  /**
   * A role by its name in lower case.
   *
   * @throws IllegalArgumentException where there is none of this name
   */
  public static ApiRole of(String name) {
    return Arrays.stream(values())
        .filter(role -> role.text().equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "the role is \""
                        + name
                        + "\", expected "
                        + Arrays.stream(values())
                            .map(ApiRole::text)
                            .collect(Collectors.joining(" or "))));
  }

  /** Its name in lower case. */
  public String text() {
    return name().toLowerCase(Locale.ROOT);
  }
}
