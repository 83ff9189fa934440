package dev.cairn.server.cli;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cairn.server.http.Json;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** The commands of {@code cairn admin} that are about the cluster. */
final class AdminClusterCommands {
  private AdminClusterCommands() {}

  /** A list that the admin port gives, as objects or as a table. */
  abstract static class Listing implements Callable<Integer> {
    @Spec private CommandSpec spec;
    @Mixin private AdminClient admin;

    private final String path;
    private final String[] header;

    Listing(String path, String... header) {
      this.path = path;
      this.header = header;
    }

    abstract Object[] cells(JsonNode row);

    @Override
    public Integer call() throws IOException, InterruptedException {
      JsonNode list = admin.get(path);
      PrintWriter out = spec.commandLine().getOut();
      Table table = new Table(header);
      for (JsonNode row : list.get("data")) {
        if (admin.json()) {
          out.println(Json.write(row));
        } else {
          table.row(cells(row));
        }
      }
      if (!admin.json()) {
        table.print(out);
      }
      out.flush();
      AdminText.unanswered(spec.commandLine().getErr(), list);
      return 0;
    }
  }

  /** {@code cairn admin nodes}. */
  @Command(name = "nodes", description = "Lists the members of the cluster and their devices.")
  static final class Nodes extends Listing {
    Nodes() {
      super(
          "/admin/nodes",
          "NODE",
          "STATUS",
          "ROLES",
          "REQUESTS",
          "DEVICE",
          "RUNNING",
          "QUEUED",
          "QUEUE TOKENS",
          "TOKENS/S",
          "KV USED",
          "ROUND TRIP",
          "READY");
    }

    @Override
    Object[] cells(JsonNode row) {
      JsonNode device = row.get("device");
      boolean has = !device.isNull();
      return new Object[] {
        row.get("node").asText(),
        row.get("reachable").asBoolean() ? row.get("status").asText() : "unreachable",
        roles(row.get("roles")),
        row.get("unfinished").asText(),
        has ? device.get("name").asText() : "-",
        has ? device.get("running").asText() : "-",
        has ? device.get("queued").asText() : "-",
        has ? device.get("queue_tokens").asText() : "-",
        has ? AdminText.number(device.get("tokens_per_second"), 0) : "-",
        has ? used(device) : "-",
        has ? AdminText.millis(device.get("round_trip_seconds")) : "-",
        ready(row),
      };
    }

    private static String roles(JsonNode roles) {
      StringBuilder text = new StringBuilder();
      roles.forEach(role -> text.append(text.isEmpty() ? "" : ",").append(role.asText()));
      return text.toString();
    }

    private static String used(JsonNode device) {
      long all = Math.max(1, device.get("kv_tokens").asLong());
      return 100 * device.get("kv_tokens_used").asLong() / all + " %";
    }

    private static String ready(JsonNode row) {
      if (!row.get("answers").asBoolean()) {
        return "does not answer";
      }
      StringBuilder text = new StringBuilder();
      row.get("reasons")
          .forEach(reason -> text.append(text.isEmpty() ? "no: " : "; ").append(reason.asText()));
      return text.isEmpty() ? "yes" : text.toString();
    }
  }

  /** {@code cairn admin tenants}. */
  @Command(name = "tenants", description = "Lists what tenants have going.")
  static final class Tenants extends Listing {
    Tenants() {
      super(
          "/admin/tenants",
          "TENANT",
          "WITH NO DEVICE",
          "WITH A DEVICE",
          "PAUSED",
          "PROMPT TOKENS",
          "TOKENS",
          "TOKENS LEFT",
          "RUNNING",
          "QUEUED",
          "BUDGET",
          "STATE");
    }

    @Override
    Object[] cells(JsonNode row) {
      return new Object[] {
        AdminText.or(row.get("tenant"), "(none)"),
        row.get("accepted").asText(),
        row.get("assigned").asText(),
        row.get("paused").asText(),
        row.get("prompt_tokens").asText(),
        row.get("completion_tokens").asText(),
        row.get("remaining_tokens").asText(),
        row.get("running").asText(),
        row.get("queued").asText(),
        row.get("budget_tokens").asLong() == 0
            ? "-"
            : row.get("spent_tokens").asText() + " of " + row.get("budget_tokens").asText(),
        row.get("tenant_paused").asBoolean()
            ? "paused"
            : row.get("demoted").asBoolean() ? "demoted" : "",
      };
    }
  }

  /** {@code cairn admin journal}. */
  @Command(name = "journal", description = "Lists the gateways' journals and how they are.")
  static final class Journals extends Listing {
    Journals() {
      super(
          "/admin/journal",
          "NODE",
          "PROFILE",
          "DURABILITY",
          "COMMITS",
          "EVENTS",
          "ON DISK",
          "LAST COMMIT",
          "WAITING",
          "UNFINISHED",
          "FINISHED",
          "STATE");
    }

    @Override
    Object[] cells(JsonNode row) {
      boolean stalled = row.get("current_commit_seconds").asDouble() > 1;
      String failure = row.get("failure").asText();
      return new Object[] {
        row.get("node").asText(),
        row.get("profile").asText(),
        row.get("durability").asText(),
        row.get("commits").asText(),
        row.get("events").asText(),
        AdminText.bytes(row.get("disk_bytes")),
        AdminText.millis(row.get("last_commit_seconds")),
        row.get("queue_depth").asText(),
        row.get("unfinished_requests").asText(),
        row.get("finished_requests").asText(),
        !failure.isEmpty()
            ? "failed: " + failure
            : row.get("disk_full").asBoolean()
                ? "the disk is full"
                : stalled
                    ? "stalled for " + AdminText.millis(row.get("current_commit_seconds"))
                    : "works",
      };
    }
  }

  /** {@code cairn admin demand}. */
  @Command(name = "demand", description = "Says how many devices each model needs, and why.")
  static final class Demands extends Listing {
    Demands() {
      super(
          "/admin/demand",
          "MODEL",
          "DEVICES",
          "SUGGESTED",
          "QUEUE TOKENS",
          "TOKENS/S",
          "KV FREE",
          "RUNNING",
          "QUEUED",
          "WITH NO DEVICE",
          "WHY");
    }

    @Override
    Object[] cells(JsonNode row) {
      return new Object[] {
        row.get("model").asText(),
        row.get("devices").asText(),
        row.get("suggested_devices").asText(),
        row.get("queue_tokens").asText(),
        AdminText.number(row.get("tokens_per_second"), 0),
        row.get("kv_tokens_free").asText() + " of " + row.get("kv_tokens").asText(),
        row.get("running").asText(),
        row.get("queued").asText(),
        row.get("unplaced").asText(),
        row.get("reason").asText(),
      };
    }
  }

  /** What drain and undrain share. */
  abstract static class Draining implements Callable<Integer> {
    @Spec private CommandSpec spec;
    @Mixin private AdminClient admin;

    @Parameters(paramLabel = "HOST:PORT", description = "The node, as cairn admin nodes names it.")
    private String node;

    private final String what;

    Draining(String what) {
      this.what = what;
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
      if (!node.matches("[A-Za-z0-9._:\\[\\]-]{1,200}")) {
        throw new IllegalArgumentException("The node is " + node + "; expected HOST:PORT.");
      }
      JsonNode state = admin.post("/admin/nodes/" + node + "/" + what, "");
      PrintWriter out = spec.commandLine().getOut();
      out.println(admin.json() ? Json.write(state) : sentence(state));
      out.flush();
      return state.get("draining").asBoolean() && !state.get("drained").asBoolean()
          ? Main.FAILED
          : 0;
    }

    private static String sentence(JsonNode state) {
      String name = state.get("node").asText();
      if (!state.get("draining").asBoolean()) {
        return name + " takes work";
      }
      if (state.get("drained").asBoolean()) {
        return name + " is drained: nothing is left on it";
      }
      return name
          + " is not empty yet: "
          + state.get("requests").asText()
          + " requests, "
          + state.get("shards").asText()
          + " shards; it goes on emptying, ask again";
    }
  }

  /** {@code cairn admin drain}. */
  @Command(
      name = "drain",
      description =
          "Empties a node: it takes no new work, its streams end, what is on it moves. Ends with 0"
              + " when nothing is left, with 1 where that takes longer.")
  static final class Drain extends Draining {
    Drain() {
      super("drain");
    }
  }

  /** {@code cairn admin undrain}. */
  @Command(name = "undrain", description = "Lets a drained node take work again.")
  static final class Undrain extends Draining {
    Undrain() {
      super("undrain");
    }
  }
}
