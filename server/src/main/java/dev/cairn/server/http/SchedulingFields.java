package dev.cairn.server.http;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cairn.persistence.LookUp;
import dev.cairn.persistence.Scheduling;
import java.util.Optional;
import java.util.regex.Pattern;

/** Where a request stands among others, as its body says. */
final class SchedulingFields {
  private static final Pattern NAME = Pattern.compile("[\\x21-\\x7e]{1,128}");
  private static final Pattern ID = Pattern.compile("[0-9A-Za-z_-]{1,64}");
  private static final int MAX_GROUP = 1024;

  private SchedulingFields() {}

  static Scheduling read(Fields fields) {
    Scheduling scheduling =
        Scheduling.DEFAULT
            .withBand(PlacementFields.band(fields, Scheduling.DEFAULT.band()))
            .withSession(name(fields, "session", NAME).orElse(""))
            .withNoProgress(fields.integer("no_progress_timeout_ms", 0, 1, Integer.MAX_VALUE))
            .withLookUp(lookUp(fields));
    Optional<String> group = name(fields, "group", NAME);
    if (group.isPresent() != fields.has("group_size")) {
      throw ApiError.invalid(
          "group_size", "group and group_size name a group together; expected both or neither.");
    }
    if (group.isPresent() && fields.integer("n", 1, 1, Integer.MAX_VALUE) > 1) {
      throw ApiError.invalid("group", "group and n both make a group; expected one of the two.");
    }
    if (group.isPresent()) {
      scheduling = scheduling.withGroup(group.get(), fields.integer("group_size", 1, 1, MAX_GROUP));
    }
    Optional<String> parent = name(fields, "parent", ID);
    boolean keep = keep(fields);
    return parent.isPresent() ? scheduling.withParent(parent.get(), keep) : scheduling;
  }

  private static LookUp lookUp(Fields fields) {
    if (!fields.has("prompt_lookup")) {
      return LookUp.AS_CONFIGURED;
    }
    return fields.bool("prompt_lookup", false) ? LookUp.ON : LookUp.OFF;
  }

  private static boolean keep(Fields fields) {
    String wanted = fields.string("on_parent_cancel").orElse("cancel");
    if (!wanted.equals("cancel") && !wanted.equals("continue")) {
      throw fields.wrong(
          "on_parent_cancel",
          fields.get("on_parent_cancel").orElseThrow(),
          "\"cancel\" or \"continue\"");
    }
    return wanted.equals("continue");
  }

  private static Optional<String> name(Fields fields, String field, Pattern pattern) {
    Optional<String> name = fields.string(field);
    name.filter(value -> !pattern.matcher(value).matches())
        .ifPresent(
            value -> {
              JsonNode node = fields.get(field).orElseThrow();
              throw fields.wrong(field, node, "a string that matches " + pattern.pattern());
            });
    return name;
  }
}
