package dev.cairn.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cairn.server.admin.AdminKey;
import dev.cairn.server.admin.AdminRole;
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

class AdminKeysCommandTest {
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
  @DisplayName("a key is shown once, and the file of mode 600 holds its hash")
  void add() throws IOException {
    String data = directory.toString();
    assertThat(run("admin", "keys", "add", "ops", "--role", "admin", "--data-dir", data)).isZero();
    String key = out.toString().strip();
    assertThat(key).matches("cairn-[A-Za-z0-9_-]{43}");
    assertThat(err.toString()).contains("ops (admin)").doesNotContain(key);
    Path file = directory.resolve("admin.keys");
    assertThat(Files.readString(file)).doesNotContain(key);
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
        .isEqualTo("rw-------");
    assertThat(AdminKey.file(file).read())
        .containsExactly(AdminKey.of("ops", AdminRole.ADMIN, key));
    assertThat(run("admin", "keys", "add", "watch", "--role", "viewer", "--data-dir", data))
        .isZero();
    assertThat(out.toString().strip()).isNotEqualTo(key);
    assertThat(run("admin", "keys", "list", "--json", "--data-dir", data)).isZero();
    assertThat(out.toString().lines())
        .containsExactly(
            "{\"name\":\"ops\",\"role\":\"admin\"}", "{\"name\":\"watch\",\"role\":\"viewer\"}");
    assertThat(run("admin", "keys", "remove", "ops", "--data-dir", data)).isZero();
    assertThat(run("admin", "keys", "list", "--data-dir", data)).isZero();
    assertThat(out.toString().lines()).hasSize(2).last().asString().startsWith("watch ");
  }

  @Test
  @DisplayName("what cannot be is told in a sentence, and the file stays as it is")
  void wrong() throws IOException {
    String file = directory.resolve("keys").toString();
    assertThat(run("admin", "keys", "add", "a", "--role", "viewer", "--keys-file", file)).isZero();
    String before = Files.readString(Path.of(file));
    assertThat(run("admin", "keys", "add", "a", "--role", "admin", "--keys-file", file))
        .isEqualTo(Main.FAILED);
    assertThat(err.toString()).contains("There is a key a already");
    assertThat(run("admin", "keys", "add", "b", "--role", "root", "--keys-file", file))
        .isEqualTo(Main.FAILED);
    assertThat(err.toString()).contains("the role is \"root\", expected viewer or admin");
    assertThat(run("admin", "keys", "add", "b c", "--role", "admin", "--keys-file", file))
        .isEqualTo(Main.FAILED);
    assertThat(err.toString()).contains("the name is \"b c\"");
    assertThat(run("admin", "keys", "remove", "nobody", "--keys-file", file))
        .isEqualTo(Main.FAILED);
    assertThat(err.toString()).contains("There is no key nobody in " + file);
    assertThat(run("admin", "keys", "add", "b", "--keys-file", file)).isEqualTo(Main.USAGE);
    assertThat(run("admin", "keys")).isEqualTo(Main.USAGE);
    assertThat(Files.readString(Path.of(file))).isEqualTo(before);
  }
}
