package dev.cairn.server.http;

import dev.cairn.model.ModelSpec;
import dev.cairn.persistence.Band;
import dev.cairn.persistence.Constraints;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** The fields of a request that say where it runs and how urgent it is. */
final class PlacementFields {
  private static final String BACKEND = "backend";
  private static final String WEIGHT_TYPE = "weight_type";
  private static final String ARCHITECTURE = "architecture";
  private static final String MIN_KV_TOKENS = "min_kv_tokens";
  private static final int MAX_NAME = 64;

  private PlacementFields() {}

  /** {@code band}, or the default. */
  static Band band(Fields fields, Band absent) {
    return fields
        .string("band")
        .map(
            name ->
                Arrays.stream(Band.values())
                    .filter(band -> lower(band).equals(name))
                    .findFirst()
                    .orElseThrow(
                        () -> fields.wrong("band", fields.get("band").orElseThrow(), bands())))
        .orElse(absent);
  }

  private static String bands() {
    return Arrays.stream(Band.values())
        .map(band -> "\"" + lower(band) + "\"")
        .collect(Collectors.joining(", "));
  }

  private static String lower(Band band) {
    return band.name().toLowerCase(Locale.ROOT);
  }

  /**
   * {@code constraints}. What contradicts the model itself is refused: no device could ever meet
   * it. What no device meets now waits for one.
   */
  static Constraints constraints(Fields fields, ModelSpec model) {
    return fields.object("constraints").map(asked -> read(asked, model)).orElse(Constraints.NONE);
  }

  private static Constraints read(Fields asked, ModelSpec model) {
    asked.allow(BACKEND, WEIGHT_TYPE, ARCHITECTURE, MIN_KV_TOKENS);
    return new Constraints(
        name(asked, BACKEND),
        ofModel(asked, WEIGHT_TYPE, model.weightType().name()),
        ofModel(asked, ARCHITECTURE, model.architecture()),
        asked.integer(MIN_KV_TOKENS, 0, 0, Integer.MAX_VALUE));
  }

  private static String name(Fields asked, String field) {
    String name = asked.string(field).orElse("");
    if (asked.has(field) && (name.isEmpty() || name.length() > MAX_NAME)) {
      throw asked.wrong(
          field, asked.get(field).orElseThrow(), "a name of 1 to " + MAX_NAME + " characters");
    }
    return name;
  }

  private static String ofModel(Fields asked, String field, String is) {
    String name = name(asked, field);
    if (!name.isEmpty() && !name.equals(is)) {
      throw asked.wrong(
          field, asked.get(field).orElseThrow(), "\"" + is + "\", which the model has");
    }
    return name;
  }
}
