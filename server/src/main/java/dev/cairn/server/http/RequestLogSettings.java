package dev.cairn.server.http;

import com.typesafe.config.Config;

/**
 * Settings of the request log; {@code reference.conf} explains each.
 *
 * @param includeText whether lines have the texts of prompts and outputs
 * @param maxTextCharacters of each such text
 */
public record RequestLogSettings(boolean enabled, boolean includeText, int maxTextCharacters) {
  /** Reads {@code cairn.http.request-log}. */
  static RequestLogSettings from(Config http) {
    Config log = http.getConfig("request-log");
    int most = log.getInt("max-text-characters");
    if (most < 1) {
      throw new IllegalArgumentException(
          "cairn.http.request-log.max-text-characters is " + most + "; expected at least 1.");
    }
    return new RequestLogSettings(log.getBoolean("enabled"), log.getBoolean("include-text"), most);
  }
}
