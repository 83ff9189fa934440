package dev.cairn.server.admin;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** What a key allows. */
public enum AdminRole {
  /** To look. */
  VIEWER,
  /** To look and to change. */
  ADMIN;

  /**
   * A role by its name in lower case.
   *
   * @throws IllegalArgumentException where there is none of this name
   */
  public static AdminRole of(String name) {
    for (AdminRole role : values()) {
      if (role.text().equals(name)) {
        return role;
      }
    }
    throw new IllegalArgumentException("the role is \"" + name + "\", expected " + names());
  }

  /** Its name in lower case. */
  public String text() {
    return name().toLowerCase(Locale.ROOT);
  }

  private static String names() {
    return Arrays.stream(values()).map(AdminRole::text).collect(Collectors.joining(" or "));
  }
}
