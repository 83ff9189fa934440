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

/** The commands of {@code cairn admin} that pause tenants and devices. */
final class AdminPauseCommands {
  private AdminPauseCommands() {}

  /** What they share. */
  abstract static class Act implements Callable<Integer> {
    @Spec private CommandSpec spec;
    @Mixin private AdminClient admin;

    abstract JsonNode ask(AdminClient client) throws IOException, InterruptedException;

    @Override
    public Integer call() throws IOException, InterruptedException {
      JsonNode state = ask(admin);
      PrintWriter out = spec.commandLine().getOut();
      if (admin.json()) {
        out.println(Json.write(state));
      } else {
        out.println("Paused tenants: " + names(state.get("tenants")));
        out.println("Paused devices: " + names(state.get("devices")));
      }
      out.flush();
      if (!state.get("unconfirmed").isEmpty()) {
        spec.commandLine()
            .getErr()
            .println("Not confirmed yet by " + names(state.get("unconfirmed")) + ".");
      }
      return 0;
    }

    private static String names(JsonNode array) {
      StringBuilder names = new StringBuilder();
      array.forEach(name -> names.append(names.isEmpty() ? "" : ", ").append(name.asText()));
      return names.isEmpty() ? "none" : names.toString();
    }
  }

  private static String path(String kind, String name, String what) {
    if (!name.matches("[A-Za-z0-9._~:@\\[\\]-]{1,200}")) {
      throw new IllegalArgumentException(
          "The name has "
              + name.length()
              + " characters; expected 1 to 200 letters, digits and . _ ~ : @ [ ] -.");
    }
    return "/admin/" + kind + "/" + name + "/" + what;
  }

  /** {@code cairn admin pauses}. */
  @Command(name = "pauses", description = "Lists the tenants and devices that are paused.")
  static final class Show extends Act {
    @Override
    JsonNode ask(AdminClient client) throws IOException, InterruptedException {
      return client.get("/admin/pauses");
    }
  }

  /** {@code cairn admin pause-tenant}. */
  @Command(
      name = "pause-tenant",
      description = "Halts all that a tenant has, on every device, until it is resumed.")
  static final class PauseTenant extends Act {
    @Parameters(paramLabel = "TENANT", description = "The tenant.")
    private String tenant;

    @Override
    JsonNode ask(AdminClient client) throws IOException, InterruptedException {
      return client.post(path("tenants", tenant, "pause"), "");
    }
  }

  /** {@code cairn admin resume-tenant}. */
  @Command(name = "resume-tenant", description = "Lets a paused tenant go on.")
  static final class ResumeTenant extends Act {
    @Parameters(paramLabel = "TENANT", description = "The tenant.")
    private String tenant;

    @Override
    JsonNode ask(AdminClient client) throws IOException, InterruptedException {
      return client.post(path("tenants", tenant, "resume"), "");
    }
  }

  /** {@code cairn admin pause-device}. */
  @Command(
      name = "pause-device",
      description = "Halts a device until it is resumed; its requests wait there.")
  static final class PauseDevice extends Act {
    @Parameters(paramLabel = "NAME", description = "The device, as cairn admin nodes names it.")
    private String device;

    @Override
    JsonNode ask(AdminClient client) throws IOException, InterruptedException {
      return client.post(path("devices", device, "pause"), "");
    }
  }

  /** {@code cairn admin resume-device}. */
  @Command(name = "resume-device", description = "Lets a paused device go on.")
  static final class ResumeDevice extends Act {
    @Parameters(paramLabel = "NAME", description = "The device.")
    private String device;

    @Override
    JsonNode ask(AdminClient client) throws IOException, InterruptedException {
      return client.post(path("devices", device, "resume"), "");
    }
  }
}
