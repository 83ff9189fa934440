package dev.cairn.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cairn.postgres.LocalPostgres;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.pekko.actor.ActorSystem;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** The journal's tools with {@code --profile cluster}. */
class PostgresToolsTest {
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();
  @TempDir Path directory;

  private Path config(String url) throws IOException {
    return Files.writeString(
        directory.resolve("cairn.conf"),
        "cairn.postgres { url = \"" + url + "\", user = postgres, password = s3cret }");
  }

  private int run(Path config, String... args) {
    out.getBuffer().setLength(0);
    err.getBuffer().setLength(0);
    CommandLine line = Main.commandLine();
    line.setOut(new PrintWriter(out, true));
    line.setErr(new PrintWriter(err, true));
    List<String> all = new ArrayList<>(List.of("journal"));
    all.addAll(Arrays.asList(args));
    all.addAll(List.of("--profile", "cluster", "--config", config.toString()));
    return line.execute(all.toArray(String[]::new));
  }

  @Test
  @DisplayName("journal list, show, verify and export read PostgreSQL with --profile cluster")
  void tools() throws Exception {
    Path config = config(LocalPostgres.shared().createDatabase());
    ActorSystem system =
        ActorSystem.create(
            "journal",
            ConfigFile.load(
                Map.of("cairn.profile", "cluster", "pekko.actor.provider", "local"), config));
    try {
      JournalCommandTest.write(system);
    } finally {
      system.terminate();
      system.getWhenTerminated().toCompletableFuture().get(60, TimeUnit.SECONDS);
    }
    assertThat(run(config, "list", "--json")).isZero();
    assertThat(out.toString().lines().toList())
        .hasSize(2)
        .anyMatch(line -> line.contains("\"request\":\"first\",\"state\":\"length\""))
        .anyMatch(line -> line.contains("\"request\":\"other\",\"state\":\"running\""));
    assertThat(run(config, "list", "--unfinished")).isZero();
    assertThat(out.toString()).contains("other").doesNotContain("first");
    assertThat(run(config, "show", "first")).isZero();
    assertThat(out.toString()).contains("first: length, 2 of at most").doesNotContain("7001");
    assertThat(run(config, "export", "--tokens")).isZero();
    assertThat(out.toString().lines()).hasSize(7).anyMatch(line -> line.contains("7001"));
    assertThat(run(config, "verify")).isZero();
    assertThat(out.toString()).contains("7 events of 2 ids read: sound.");
  }

  @Test
  void aDatabaseThatIsNotThereIsNamedAndNoPassword() throws Exception {
    int port;
    try (ServerSocket free = new ServerSocket(0)) {
      port = free.getLocalPort();
    }
    assertThat(run(config("jdbc:postgresql://127.0.0.1:" + port + "/nowhere"), "list")).isNotZero();
    assertThat(err.toString())
        .contains("PostgreSQL at 127.0.0.1:" + port + "/nowhere cannot be opened")
        .doesNotContain("s3cret");
  }
}
