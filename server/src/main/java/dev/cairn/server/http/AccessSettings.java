package dev.cairn.server.http;

import com.typesafe.config.Config;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;

/**
 * {@code cairn.http.keys}; {@code reference.conf} explains each key.
 *
 * @param host that the API listens on
 * @param mode whether calls need a key
 * @param file of the keys
 * @param tenantHeader names the tenant of a call without a key
 */
public record AccessSettings(String host, Mode mode, Path file, String tenantHeader) {
  /** Whether calls need a key. */
  public enum Mode {
    /** As soon as there is one, and always where the API is open to other machines. */
    AUTO,
    /** Always. */
    ON,
    /** Never: something in front of the server looks at who calls. */
    OFF
  }

  /**
   * Reads the section.
   *
   * @throws IllegalArgumentException where a value makes no sense
   */
  public static AccessSettings from(Config root) {
    Config keys = root.getConfig("cairn.http.keys");
    String header = keys.getString("tenant-header");
    if (!header.matches("[A-Za-z0-9-]{1,64}")) {
      throw new IllegalArgumentException(
          "cairn.http.keys.tenant-header is \""
              + header
              + "\", expected 1 to 64 letters, digits and hyphens");
    }
    return new AccessSettings(
        root.getString("cairn.http.host"),
        mode(keys.getString("mode")),
        Path.of(keys.getString("file")),
        header);
  }

  private static Mode mode(String name) {
    // HOCON writes booleans in several ways.
    String text = name.equals("true") ? "on" : name.equals("false") ? "off" : name;
    return Arrays.stream(Mode.values())
        .filter(mode -> mode.name().toLowerCase(Locale.ROOT).equals(text))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "cairn.http.keys.mode is \"" + name + "\", expected auto, on or off"));
  }
}
