package dev.cairn.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cairn.server.admin.AdminNode;
import dev.cairn.server.admin.AdminRole;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class AdminCommandTest {
  @TempDir Path directory;
  private StringWriter out = new StringWriter();
  private StringWriter err = new StringWriter();

  private int run(List<String> arguments) {
    out = new StringWriter();
    err = new StringWriter();
    CommandLine line = Main.commandLine();
    line.setOut(new PrintWriter(out, true));
    line.setErr(new PrintWriter(err, true));
    return line.execute(arguments.toArray(String[]::new));
  }

  private int admin(AdminNode node, String key, String... arguments) {
    List<String> all = new ArrayList<>(List.of("admin"));
    all.addAll(List.of(arguments));
    all.addAll(List.of("--url", node.url().toString()));
    if (!key.isEmpty()) {
      all.addAll(List.of("--key", key));
    }
    return run(all);
  }

  private JsonNode line() {
    assertThat(out.toString().lines()).hasSize(1);
    return new com.fasterxml.jackson.databind.ObjectMapper().valueToTree(parse(out.toString()));
  }

  private static JsonNode parse(String text) {
    try {
      return new com.fasterxml.jackson.databind.ObjectMapper().readTree(text);
    } catch (java.io.IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  @Test
  @DisplayName("every command shows a table for people and an object a line with --json")
  void commands() {
    String key = AdminNode.addKey(directory, "ops", AdminRole.ADMIN);
    String viewer = AdminNode.addKey(directory, "watch", AdminRole.VIEWER);
    try (AdminNode node = new AdminNode(directory, "cairn.requests.linger = 1 h")) {
      List<String> ids = new ArrayList<>();
      for (int i = 0; i < 2; i++) {
        ids.add(
            node.complete("{\"prompt\":\"Once\",\"max_tokens\":3,\"ignore_eos\":true}")
                .headers()
                .firstValue("X-Request-Id")
                .orElseThrow());
      }
      assertThat(admin(node, viewer, "requests")).isZero();
      assertThat(out.toString().lines()).hasSize(3);
      assertThat(out.toString()).startsWith("ID ").contains(ids.get(0)).contains("  length  ");
      assertThat(admin(node, viewer, "requests", "--json", "--limit", "1")).isZero();
      assertThat(line().get("id").asText()).isEqualTo(ids.get(0));
      assertThat(err.toString()).contains("More follow; see --after " + ids.get(0));
      assertThat(admin(node, viewer, "requests", "--state", "paused", "--json")).isZero();
      assertThat(out.toString()).isEmpty();

      assertThat(admin(node, viewer, "request", ids.get(0))).isZero();
      assertThat(out.toString()).contains("finish_reason").contains("attempts[0].device");
      for (String act : List.of("pause", "resume", "cancel")) {
        assertThat(admin(node, key, act, ids.get(0))).as(act).isZero();
        assertThat(out.toString()).contains(ids.get(0) + " is finished (length)");
        assertThat(admin(node, viewer, act, ids.get(0))).as(act).isEqualTo(Main.FAILED);
        assertThat(err.toString()).contains("cairn: The key watch has the role viewer");
      }
      assertThat(admin(node, key, "priority", ids.get(0), "batch", "--json")).isZero();
      assertThat(line().get("id").asText()).isEqualTo(ids.get(0));
      assertThat(admin(node, key, "priority", ids.get(0), "soon")).isEqualTo(Main.FAILED);
      assertThat(err.toString()).contains("band is soon; expected system, production");

      assertThat(admin(node, viewer, "nodes", "--json")).isZero();
      String address = line().get("node").asText();
      for (String list : List.of("nodes", "journal", "demand", "tenants")) {
        assertThat(admin(node, viewer, list)).as(list).isZero();
        assertThat(out.toString().lines().count())
            .as(list)
            .isEqualTo(list.equals("tenants") ? 1 : 2);
      }
      assertThat(admin(node, viewer, "pauses")).isZero();
      assertThat(out.toString()).contains("Paused tenants: none", "Paused devices: none");
      assertThat(admin(node, key, "pause-tenant", "acme")).isZero();
      assertThat(out.toString()).contains("Paused tenants: acme");
      assertThat(admin(node, key, "pause-device", "cpu-0", "--json")).isZero();
      assertThat(line().get("devices").get(0).asText()).isEqualTo("cpu-0");
      assertThat(admin(node, key, "pause-device", "cpu-9")).isEqualTo(Main.FAILED);
      assertThat(err.toString()).contains("There is no device of this name; expected one of cpu-0");
      assertThat(admin(node, key, "pause-tenant", "a/b")).isEqualTo(Main.FAILED);
      assertThat(admin(node, viewer, "pause-tenant", "x")).isEqualTo(Main.FAILED);
      assertThat(admin(node, key, "resume-device", "cpu-0")).isZero();
      assertThat(admin(node, key, "resume-tenant", "acme")).isZero();
      assertThat(out.toString()).contains("Paused tenants: none", "Paused devices: none");
      assertThat(admin(node, key, "drain", address)).isZero();
      assertThat(out.toString()).contains(address + " is drained: nothing is left on it");
      assertThat(admin(node, viewer, "nodes")).isZero();
      assertThat(out.toString()).contains("no: the node is being drained");
      assertThat(node.complete("{\"prompt\":\"x\"}").statusCode()).isEqualTo(503);
      assertThat(admin(node, key, "undrain", address)).isZero();
      assertThat(out.toString()).contains(address + " takes work");
      assertThat(node.complete("{\"prompt\":\"x\",\"max_tokens\":1}").statusCode()).isEqualTo(200);
    }
  }

  @Test
  @DisplayName("what went wrong is a sentence on standard error, and the exit code says so")
  void wrong() {
    String key = AdminNode.addKey(directory, "ops", AdminRole.ADMIN);
    try (AdminNode node = new AdminNode(directory, "")) {
      assertThat(admin(node, "", "nodes")).isEqualTo(Main.FAILED);
      assertThat(err.toString()).contains("cairn: There is no key; expected Authorization");
      assertThat(admin(node, "wrong", "nodes")).isEqualTo(Main.FAILED);
      assertThat(err.toString()).contains("The key is not one of this server's");
      assertThat(admin(node, key, "request", "none")).isEqualTo(Main.FAILED);
      assertThat(err.toString()).contains("There is no request none.");
      assertThat(admin(node, key, "drain", "127.0.0.1:1")).isEqualTo(Main.FAILED);
      assertThat(err.toString()).contains("There is no node 127.0.0.1:1; expected one of ");
      assertThat(admin(node, key, "cancel", "../nodes")).isEqualTo(Main.FAILED);
      assertThat(err.toString()).contains("expected 1 to 64 letters");
      assertThat(admin(node, key, "requests", "--limit", "0")).isEqualTo(Main.FAILED);
      assertThat(err.toString()).contains("limit is 0; expected a number from 1 to 1000.");
      assertThat(admin(node, key, "priority", "x")).isEqualTo(Main.USAGE);
    }
    assertThat(run(List.of("admin", "nodes", "--url", "http://127.0.0.1:1")))
        .isEqualTo(Main.FAILED);
    assertThat(err.toString()).contains("There is no server at http://127.0.0.1:1; expected");
    assertThat(run(List.of("admin", "nodes", "--url", "ftp://x"))).isEqualTo(Main.FAILED);
    assertThat(err.toString()).contains("--url is ftp://x; expected http://HOST:PORT");
    assertThat(run(List.of("admin"))).isEqualTo(Main.USAGE);
    assertThat(err.toString()).contains("expected requests, request, pause");
  }
}
