package dev.cairn.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class MainTest {
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();
  @TempDir Path directory;

  private int run(String... args) {
    CommandLine line = Main.commandLine();
    line.setOut(new PrintWriter(out, true));
    line.setErr(new PrintWriter(err, true));
    return line.execute(args);
  }

  @Test
  @DisplayName("wrong usage exits with 2, a sentence and a hint on standard error alone")
  void usage() {
    String[][] wrong = {
      {},
      {"bake"},
      {"serve", "--ports", "1"},
      {"serve", "--port", "many"},
      {"generate", "a", "b"},
      {"bench"},
    };
    for (String[] args : wrong) {
      assertThat(run(args)).as(String.join(" ", args)).isEqualTo(2);
    }
    assertThat(out.toString()).isEmpty();
    assertThat(err.toString())
        .contains("There is no command; expected one, for example: cairn serve")
        .contains("Unknown options: '--ports', '1'")
        .contains("See: cairn serve --help")
        .doesNotContain("\tat ");
  }

  @Test
  @DisplayName("what cannot be done exits with 1 and one sentence, with a stack trace if asked")
  void failure() throws IOException {
    Path text = Files.writeString(directory.resolve("text.gguf"), "this is no model");
    assertThat(run("tokenize", "--model", text.toString(), "a")).isEqualTo(1);
    assertThat(err.toString().lines()).hasSize(1);
    assertThat(err.toString()).startsWith("cairn: ").contains(text.toString());
    assertThat(run("--verbose", "tokenize", "--model", text.toString(), "a")).isEqualTo(1);
    assertThat(err.toString()).contains("\tat ");
    assertThat(out.toString()).isEmpty();
  }

  @Test
  @DisplayName("values out of range are refused by name")
  void ranges() {
    assertThat(run("serve", "--port", "65536")).isEqualTo(1);
    assertThat(run("serve", "--threads", "0")).isEqualTo(1);
    assertThat(run("serve", "--config", directory.resolve("none.conf").toString())).isEqualTo(1);
    assertThat(run("bench", "serve", "--clients", "0")).isEqualTo(1);
    assertThat(run("bench", "serve", "--url", "ftp://x")).isEqualTo(1);
    assertThat(run("bench", "device", "--batch", "4,0")).isEqualTo(1);
    assertThat(err.toString())
        .contains("--port is 65536; expected 0 to 65535.")
        .contains("--threads is 0; expected at least 1.")
        .contains("none.conf, which cannot be read")
        .contains("--clients is 0; expected at least 1.")
        .contains("--url is ftp://x")
        .contains("--batch is 0; expected at least 1.");
  }

  @Test
  @DisplayName(
      "a port of the server that is taken is told in a sentence, and how to choose another")
  void takenPorts(@TempDir Path data) throws IOException {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      String port = "" + taken.getLocalPort();
      String[] serve = {"serve", "--data-dir", data.toString(), "--threads", "1"};
      List<String> admin = new ArrayList<>(List.of(serve));
      admin.addAll(List.of("--port", "0", "--admin-port", port));
      assertThat(run(admin.toArray(String[]::new))).isEqualTo(Main.FAILED);
      assertThat(err.toString())
          .contains(
              "cairn: Cannot listen on 127.0.0.1:"
                  + port
                  + ": Address already in use; choose another port with --admin-port, or -1 for"
                  + " none.");
      List<String> api = new ArrayList<>(List.of(serve));
      api.addAll(List.of("--port", port, "--admin-port", "-1"));
      assertThat(run(api.toArray(String[]::new))).isEqualTo(Main.FAILED);
      assertThat(err.toString()).contains("choose another port with --port.");
    }
  }

  @Test
  @DisplayName("help and version go to standard output and exit with 0")
  void help() {
    assertThat(run("--version")).isZero();
    assertThat(run("serve", "--help")).isZero();
    assertThat(run("--help")).isZero();
    assertThat(out.toString()).contains("cairn ").contains("--admin-port").contains("Exit codes:");
    assertThat(err.toString()).isEmpty();
  }

  @Test
  @DisplayName("tokenize shows the tokens of the bundled model's tokenizer")
  void tokenize() throws IOException {
    assertThat(run("tokenize", "--json", "hello world")).isZero();
    JsonNode tokens = new ObjectMapper().readTree(out.toString()).get("tokens");
    assertThat(tokens.size()).isBetween(2, 11);
    assertThat(run("tokenize", "hello world")).isZero();
    assertThat(out.toString().lines().skip(1)).hasSize(tokens.size());
  }

  @Test
  @DisplayName("generate gives one JSON object, the same for the same seed")
  void generate() throws IOException {
    assertThat(run("generate", "--json", "--max-tokens", "8", "--seed", "3", "Once"))
        .as(err::toString)
        .isZero();
    assertThat(run("generate", "--json", "--max-tokens", "8", "--seed", "3", "Once"))
        .as(err::toString)
        .isZero();
    String[] lines = out.toString().split("\n");
    assertThat(lines).hasSize(2);
    JsonNode first = new ObjectMapper().readTree(lines[0]);
    assertThat(first.get("tokens")).isNotEmpty().hasSizeLessThanOrEqualTo(8);
    assertThat(first.get("finish_reason").asText()).isIn("length", "stop");
    assertThat(new ObjectMapper().readTree(lines[1]).get("text")).isEqualTo(first.get("text"));
  }

  @Test
  @DisplayName("doctor reports the JVM, back ends, model and disk")
  void doctor() throws IOException {
    assertThat(run("doctor", "--json", "--data-dir", directory.toString())).isZero();
    JsonNode report = new ObjectMapper().readTree(out.toString());
    assertThat(report.get("jvm").get("processors").asInt()).isPositive();
    assertThat(report.get("backends"))
        .anyMatch(
            each -> each.get("name").asText().equals("cpu") && each.get("available").asBoolean());
    assertThat(report.at("/devices/0/backend").asText()).isEqualTo("auto");
    assertThat(report.at("/devices/0/is").asText()).isNotEmpty();
    assertThat(report.get("model").get("vocabulary_size").asInt()).isPositive();
    assertThat(report.get("disk").get("fsync_ms_p50").asDouble()).isPositive();
    assertThat(report.get("disk").get("durability").asText()).isEqualTo("fsync");
    assertThat(report.get("usable").asBoolean()).isTrue();
  }

  @Test
  @DisplayName("doctor says of each device that was asked for what it is, or why it cannot be used")
  void doctorDevices() throws IOException {
    String folder = directory.toString();
    assertThat(run("doctor", "--json", "--data-dir", folder, "--backend", "cpu,cuda:9999"))
        .isEqualTo(1);
    JsonNode report = new ObjectMapper().readTree(out.toString());
    assertThat(report.at("/devices/0/is").asText()).isEqualTo("cpu");
    assertThat(report.at("/devices/1/backend").asText()).isEqualTo("cuda:9999");
    assertThat(report.at("/devices/1/reason").asText()).isNotEmpty();
    assertThat(report.get("usable").asBoolean()).isFalse();
  }

  @Test
  @DisplayName("bench grammar prints what a row costs for each of its grammars")
  void benchGrammar() throws IOException {
    assertThat(run("bench", "grammar", "--vocabulary", "400", "--seed", "3")).isZero();
    String[] lines = out.toString().split("\n");
    assertThat(lines).hasSize(4);
    for (String each : lines) {
      JsonNode line = new ObjectMapper().readTree(each);
      assertThat(line.get("vocabulary").asInt()).isEqualTo(400);
      assertThat(line.at("/further_outputs/rows").asInt()).isPositive();
      assertThat(line.at("/further_outputs/known_share").asDouble()).isBetween(0.5, 1.0);
      assertThat(line.at("/first_outputs/mask_us_p99").asDouble()).isPositive();
    }
    assertThat(run("bench", "grammar", "--vocabulary", "5")).isEqualTo(1);
  }

  @Test
  @DisplayName("bench device prints one line for each batch size")
  void benchDevice() throws IOException {
    assertThat(
            run(
                "bench",
                "device",
                "--threads",
                "1",
                "--prefill",
                "40",
                "--decode",
                "4",
                "--batch",
                "1,3",
                "--repeat",
                "1",
                "--kv-type",
                "Q8_0",
                "--weights",
                "mapped",
                "--pin-threads"))
        .isZero();
    String[] lines = out.toString().split("\n");
    assertThat(lines).hasSize(2);
    JsonNode second = new ObjectMapper().readTree(lines[1]);
    assertThat(second.get("batch").asInt()).isEqualTo(3);
    assertThat(second.get("kv_type").asText()).isEqualTo("Q8_0");
    assertThat(second.get("weights").asText()).isEqualTo("mapped");
    assertThat(second.get("pin_threads").asBoolean()).isTrue();
    for (String field :
        new String[] {"decode_tok_s", "prefill_tok_s", "read_gb_s", "bandwidth_gb_s", "share"}) {
      assertThat(second.get(field).asDouble()).as(field).isPositive();
    }
  }
}
