package dev.cairn.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cairn.server.keys.ApiKey;
import dev.cairn.server.keys.ApiRole;
import dev.cairn.server.keys.KeyText;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class KeysCommandTest {
  @TempDir Path directory;
  private StringWriter out = new StringWriter();
  private StringWriter err = new StringWriter();

  private int run(String... arguments) {
    out = new StringWriter();
    err = new StringWriter();
    CommandLine line = Main.commandLine();
    line.setOut(new PrintWriter(out, true));
    line.setErr(new PrintWriter(err, true));
    return line.execute(arguments);
  }

  @Test
  @DisplayName("a key is shown once, listed without its hash, and revoked")
  void life() throws IOException {
    String data = directory.toString();
    Path file = directory.resolve("api.keys");
    assertThat(
            run("keys", "new", "ci", "--tenant", "acme", "--weight", "3", "--data-dir", data)
                + run("keys", "new", "watch", "--role", "viewer", "--data-dir", data))
        .isZero();
    assertThat(err.toString()).contains("watch (viewer of tenant watch) is shown this once");
    String key = out.toString().strip();
    assertThat(key).matches("cairn-[A-Za-z0-9_-]{43}");
    assertThat(Files.readString(file)).doesNotContain(key);
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
        .isEqualTo("rw-------");
    assertThat(ApiKey.file(file).read())
        .contains(new ApiKey("watch", ApiRole.VIEWER, KeyText.hash(key), "watch", 0, 0, 0));
    assertThat(run("keys", "list", "--json", "--data-dir", data)).isZero();
    assertThat(out.toString().lines())
        .containsExactly(
            "{\"name\":\"ci\",\"role\":\"user\",\"tenant\":\"acme\",\"requests_per_minute\":0,"
                + "\"tokens_per_minute\":0,\"weight\":3.0}",
            "{\"name\":\"watch\",\"role\":\"viewer\",\"tenant\":\"watch\",\"requests_per_minute\":0,"
                + "\"tokens_per_minute\":0,\"weight\":0.0}");
    assertThat(run("keys", "revoke", "ci", "--data-dir", data)).isZero();
    assertThat(run("keys", "list", "--data-dir", data)).isZero();
    assertThat(out.toString().lines()).hasSize(2).last().asString().startsWith("watch ");
    assertThat(run("keys", "revoke", "ci", "--data-dir", data)).isEqualTo(Main.FAILED);
    assertThat(err.toString()).contains("There is no key ci in " + file);
    assertThat(run("keys", "new", "watch", "--data-dir", data)).isEqualTo(Main.FAILED);
    assertThat(err.toString()).contains("There is a key watch already");
    assertThat(run("keys", "new", "b", "--role", "root", "--data-dir", data))
        .isEqualTo(Main.FAILED);
    assertThat(err.toString()).contains("the role is \"root\"");
    assertThat(run("keys")).isEqualTo(Main.USAGE);
  }
}
