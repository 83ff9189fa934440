package dev.cairn.server.cli;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cairn.server.http.Json;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** The commands of {@code cairn admin} that are about requests. */
final class AdminRequestCommands {
  private AdminRequestCommands() {}

  /** {@code cairn admin requests}. */
  @Command(name = "requests", description = "Lists the cluster's requests, in order of their ids.")
  static final class ListRequests implements Callable<Integer> {
    @Spec private CommandSpec spec;
    @Mixin private AdminClient admin;

    @Option(
        names = "--state",
        completionCandidates = Candidates.States.class,
        paramLabel = "STATE",
        description = "accepted, assigned, paused or finished alone.")
    private String state;

    @Option(names = "--device", paramLabel = "NAME", description = "Those on this device alone.")
    private String device;

    @Option(
        names = "--node",
        paramLabel = "HOST:PORT",
        description = "Those that this gateway holds alone.")
    private String node;

    @Option(
        names = "--limit",
        paramLabel = "N",
        defaultValue = "50",
        description = "Most requests to list (default: ${DEFAULT-VALUE}).")
    private int limit;

    @Option(names = "--after", paramLabel = "ID", description = "Begins behind this request.")
    private String after;

    @Override
    public Integer call() throws IOException, InterruptedException {
      StringBuilder path = new StringBuilder("/admin/requests?limit=" + limit);
      add(path, "state", state);
      add(path, "device", device);
      add(path, "node", node);
      add(path, "after", after);
      JsonNode page = admin.get(path.toString());
      PrintWriter out = spec.commandLine().getOut();
      PrintWriter err = spec.commandLine().getErr();
      Table table = new Table("ID", "STATE", "BAND", "TOKENS", "OF", "DEVICE", "NODE", "TENANT");
      for (JsonNode row : page.get("data")) {
        if (admin.json()) {
          out.println(Json.write(row));
          continue;
        }
        String reason = row.get("finish_reason").asText();
        table.row(
            row.get("id").asText(),
            row.get("finish_reason").isNull() ? row.get("state").asText() : reason,
            row.get("band").asText(),
            row.get("completion_tokens").asText(),
            row.get("max_tokens").asText(),
            AdminText.or(row.get("device"), "none yet"),
            row.get("node").asText(),
            AdminText.or(row.get("tenant"), "-"));
      }
      if (!admin.json()) {
        table.print(out);
      }
      out.flush();
      AdminText.unanswered(err, page);
      if (!page.get("next").isNull()) {
        err.println("More follow; see --after " + page.get("next").asText() + " or --limit.");
      }
      return 0;
    }

    private static void add(StringBuilder path, String name, String value) {
      if (value != null) {
        path.append('&').append(name).append('=');
        path.append(URLEncoder.encode(value, StandardCharsets.UTF_8));
      }
    }
  }

  /** {@code cairn admin request}. */
  @Command(name = "request", description = "Shows a request, and why it is where it is.")
  static final class Show implements Callable<Integer> {
    @Spec private CommandSpec spec;
    @Mixin private AdminClient admin;

    @Parameters(paramLabel = "ID", description = "The request.")
    private String id;

    @Override
    public Integer call() throws IOException, InterruptedException {
      JsonNode request = admin.get(path(id, ""));
      PrintWriter out = spec.commandLine().getOut();
      if (admin.json()) {
        out.println(Json.write(request));
      } else {
        Report.print(out, request);
      }
      out.flush();
      return 0;
    }
  }

  /** What the commands that act on a request share. */
  abstract static class Act implements Callable<Integer> {
    @Spec private CommandSpec spec;
    @Mixin private AdminClient admin;

    @Parameters(index = "0", paramLabel = "ID", description = "The request.")
    private String id;

    private final String what;

    Act(String what) {
      this.what = what;
    }

    /** Body of the request to the server. */
    String body() {
      return "";
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
      JsonNode request = admin.post(path(id, "/" + what), body());
      PrintWriter out = spec.commandLine().getOut();
      out.println(admin.json() ? Json.write(request) : sentence(request));
      out.flush();
      return 0;
    }

    private static String sentence(JsonNode request) {
      String state =
          request.get("finish_reason").isNull()
              ? request.get("state").asText()
              : "finished (" + request.get("finish_reason").asText() + ")";
      return request.get("id").asText()
          + " is "
          + state
          + ", band "
          + request.get("band").asText()
          + ", "
          + request.get("completion_tokens").asText()
          + " of "
          + request.get("max_tokens").asText()
          + " tokens";
    }
  }

  /** {@code cairn admin pause}. */
  @Command(name = "pause", description = "Halts a request until it is resumed.")
  static final class Pause extends Act {
    Pause() {
      super("pause");
    }
  }

  /** {@code cairn admin resume}. */
  @Command(name = "resume", description = "Lets a paused request go on.")
  static final class Resume extends Act {
    Resume() {
      super("resume");
    }
  }

  /** {@code cairn admin cancel}. */
  @Command(name = "cancel", description = "Ends a request.")
  static final class Cancel extends Act {
    Cancel() {
      super("cancel");
    }
  }

  /** {@code cairn admin priority}. */
  @Command(name = "priority", description = "Changes a request's urgency.")
  static final class Priority extends Act {
    @Parameters(
        index = "1",
        completionCandidates = Candidates.Bands.class,
        paramLabel = "BAND",
        description = "system, production, interactive or batch.")
    private String band;

    Priority() {
      super("priority");
    }

    @Override
    String body() {
      return Json.write(Json.object().put("band", band));
    }
  }

  private static String path(String id, String what) {
    if (!id.matches("[0-9A-Za-z_-]{1,64}")) {
      throw new IllegalArgumentException(
          "The id has "
              + id.length()
              + " characters; expected 1 to 64 letters, digits, hyphens or underscores.");
    }
    return "/admin/requests/" + id + what;
  }
}
