package dev.cairn.server.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.cairn.server.keys.WatchedKeys;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Who may do what on the admin port. */
class AdminAccessTest {
  private static final List<String> READS = List.of("/metrics", "/cluster/members", "/ready");

  @TempDir Path directory;

  @Test
  @DisplayName("on loopback without keys everybody may look and nobody may change")
  void withoutKeys() {
    try (AdminNode node = new AdminNode(directory, "")) {
      for (String path : READS) {
        assertThat(node.get(path).statusCode()).as(path).isEqualTo(200);
      }
      assertThat(AdminNode.json(node.get("/cluster/members")).get("members")).hasSize(1);
      HttpResponse<String> refused = node.send("DELETE", "/cluster/members/cairn@127.0.0.1:1", "");
      assertThat(refused.statusCode()).isEqualTo(401);
      assertThat(refused.headers().firstValue("WWW-Authenticate")).hasValue("Bearer");
      assertThat(AdminNode.json(refused).at("/error/message").asText())
          .contains("cairn admin keys add");
      // A page in a browser may make a name of its own point here.
      for (String host : List.of("evil.example", "127.0.0.1.evil.example", "localhost.evil")) {
        assertThat(raw(node, "GET /metrics HTTP/1.1\r\nHost: " + host)).startsWith("HTTP/1.1 403");
      }
      assertThat(raw(node, "GET /metrics HTTP/1.1\r\nHost: localhost:1"))
          .startsWith("HTTP/1.1 200");
      assertThat(raw(node, "GET /metrics HTTP/1.1\r\nHost: [::1]")).startsWith("HTTP/1.1 200");
    }
  }

  @Test
  @DisplayName("with a key everything but health needs one, a viewer looks and an admin changes")
  void withKeys() {
    String viewer = AdminNode.addKey(directory, "watch", AdminRole.VIEWER);
    String admin = AdminNode.addKey(directory, "ops", AdminRole.ADMIN);
    try (AdminNode node = new AdminNode(directory, "")) {
      for (String path : READS) {
        assertThat(node.with("").get(path).statusCode()).as(path).isEqualTo(401);
        assertThat(node.with("wrong").get(path).statusCode()).as(path).isEqualTo(401);
        assertThat(node.with(viewer).get(path).statusCode()).as(path).isEqualTo(200);
        assertThat(node.with(admin).get(path).statusCode()).as(path).isEqualTo(200);
      }
      assertThat(node.with("").get("/health/live").statusCode()).isEqualTo(200);
      assertThat(node.with("").get("/health/ready").statusCode()).isEqualTo(200);
      String unknown = "/cluster/members/cairn@127.0.0.1:1";
      for (String method : List.of("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD")) {
        assertThat(node.with("").send(method, unknown, "").statusCode()).as(method).isEqualTo(401);
        assertThat(node.with(viewer).send(method, unknown, "").statusCode())
            .as(method)
            .isEqualTo(403);
      }
      HttpResponse<String> passed = node.with(admin).send("DELETE", unknown, "");
      assertThat(passed.statusCode()).isEqualTo(404);
      assertThat(AdminNode.json(passed).at("/error/message").asText()).contains("not found");
    }
  }

  @Test
  @DisplayName(
      "no form of a path and no header gets round the key (CVE-2026-48746, CVE-2026-49468)")
  void oddPathsAndHosts() {
    AdminNode.addKey(directory, "ops", AdminRole.ADMIN);
    try (AdminNode node = new AdminNode(directory, "")) {
      for (String path :
          List.of(
              "//metrics",
              "/metrics/",
              "/./metrics",
              "/health/live/../../metrics",
              "/health/live/%2e%2e/%2e%2e/metrics",
              "/%6detrics",
              "/metrics%00",
              "/metrics;/health/live",
              "/health/live;/metrics",
              "/metrics%2Fhealth%2Flive",
              "/METRICS",
              "/cluster/members?x=/health/live",
              "/cluster//members",
              "/metrics#/health/live",
              "/metrics\\health\\live",
              "http://127.0.0.1/metrics")) {
        String reply = raw(node, "GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1");
        assertThat(reply).as(path).matches("(?s)HTTP/1.1 (400|401|404) .*");
        assertThat(reply).as(path).doesNotContain("cairn_requests", "\"members\"");
      }
      for (String header :
          List.of(
              "Host: localhost",
              "Host: /health/live",
              "Host: 127.0.0.1\r\nX-Forwarded-For: 127.0.0.1",
              "Host: 127.0.0.1\r\nX-Original-URL: /health/live",
              "Host: 127.0.0.1\r\nX-HTTP-Method-Override: GET",
              "Host: 127.0.0.1\r\nAuthorization: Basic b3BzOg==",
              "Host: 127.0.0.1\r\nAuthorization: Bearer",
              "Host: 127.0.0.1\r\nAuthorization: Bearer x\r\nAuthorization: Bearer y")) {
        String reply = raw(node, "GET /metrics HTTP/1.1\r\n" + header);
        assertThat(reply).as(header).matches("(?s)HTTP/1.1 40[01] .*");
      }
    }
  }

  @Test
  @DisplayName("another address than loopback asks for a key even where there is none")
  void otherAddress() {
    try (AdminNode node = new AdminNode(directory, "cairn.admin.host = \"0.0.0.0\"")) {
      assertThat(node.get("/metrics").statusCode()).isEqualTo(401);
      assertThat(node.get("/health/ready").statusCode()).isEqualTo(200);
    }
  }

  @Test
  @DisplayName("the keys file is read again when it changes, and one that broke lets nobody in")
  void rereading() throws IOException {
    Path file = directory.resolve("admin.keys");
    try (AdminNode node = new AdminNode(directory, "")) {
      assertThat(node.get("/metrics").statusCode()).isEqualTo(200);
      String first = AdminNode.addKey(directory, "one", AdminRole.VIEWER);
      assertThat(node.get("/metrics").statusCode()).isEqualTo(401);
      assertThat(node.with(first).get("/metrics").statusCode()).isEqualTo(200);
      AdminKey.file(file).change(keys -> List.of());
      assertThat(node.with(first).get("/metrics").statusCode()).isEqualTo(401);
      assertThat(node.with("").get("/metrics").statusCode()).as("it had keys").isEqualTo(401);
      String second = AdminNode.addKey(directory, "two", AdminRole.VIEWER);
      assertThat(node.with(second).get("/metrics").statusCode()).isEqualTo(200);
      Files.writeString(file, Files.readString(file) + "three:admin\n");
      assertThat(node.with(second).get("/metrics").statusCode()).isEqualTo(401);
      Files.delete(file);
      assertThat(node.with("").get("/metrics").statusCode()).isEqualTo(401);
    }
  }

  @Test
  @DisplayName("a keys file that is wrong is told in a sentence that holds no hash")
  void wrongFiles() throws IOException {
    Path file = directory.resolve("admin.keys");
    String hash = AdminKey.of("a", AdminRole.ADMIN, "secret").hash();
    for (List<String> each :
        List.of(
            List.of("a:admin", "line 1 of " + file + ": it has 2 parts, expected name:role:hash"),
            List.of("a:root:" + hash, "the role is \"root\", expected viewer or admin"),
            List.of("a:admin:" + hash + "0", "the hash has 65 characters, expected 64"),
            List.of("a b:admin:" + hash, "the name is \"a b\", expected 1 to 64 letters"),
            List.of("#\na:admin:" + hash + "\na:admin:" + hash, "line 3 of"))) {
      Files.writeString(file, each.get(0));
      assertThatThrownBy(
              () -> new WatchedKeys<>(AdminKey.file(file), WatchedKeys.WhenBroken.NONE_VALID))
          .isInstanceOf(IOException.class)
          .hasMessageContaining(each.get(1))
          .hasMessageNotContaining(hash);
    }
    Files.writeString(file, "a:admin:" + hash);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-rw----"));
    assertThatThrownBy(
            () -> new WatchedKeys<>(AdminKey.file(file), WatchedKeys.WhenBroken.NONE_VALID))
        .hasMessageContaining("may be written by others (rw-rw----), expected rw-------");
    assertThatThrownBy(() -> new AdminNode(directory, ""))
        .isInstanceOf(UncheckedIOException.class)
        .hasMessageContaining("cairn.admin.keys-file");
  }

  @Test
  @DisplayName("a key is kept as a hash and never logged")
  void keysAtRestAndInLogs() throws IOException {
    LoggerContext loggers = (LoggerContext) LoggerFactory.getILoggerFactory();
    ListAppender<ILoggingEvent> logged = new ListAppender<>();
    logged.setContext(loggers);
    logged.start();
    ch.qos.logback.classic.Logger root = loggers.getLogger(Logger.ROOT_LOGGER_NAME);
    Level before = root.getLevel();
    root.setLevel(Level.DEBUG);
    root.addAppender(logged);
    String key = AdminNode.addKey(directory, "ops", AdminRole.ADMIN);
    AdminKey kept = AdminKey.file(directory.resolve("admin.keys")).read().get(0);
    try (AdminNode node = new AdminNode(directory, "")) {
      node.with(key).send("DELETE", "/cluster/members/cairn@127.0.0.1:1", "");
      raw(node, "GET /metrics HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer (" + key + ")\u0001");
      raw(node, "GET /metrics?key=" + key + " HTTP/1.1\r\nHost: a");
    } finally {
      root.detachAppender(logged);
      root.setLevel(before);
    }
    List<String> lines = logged.list.stream().map(ILoggingEvent::getFormattedMessage).toList();
    assertThat(lines).anyMatch(line -> line.contains("ops (admin) asks for DELETE"));
    assertThat(lines).noneMatch(line -> line.contains(key) || line.contains(kept.hash()));
    String file = Files.readString(directory.resolve("admin.keys"));
    assertThat(file).contains("ops:admin:" + kept.hash()).doesNotContain(key);
    assertThat(
            PosixFilePermissions.toString(
                Files.getPosixFilePermissions(directory.resolve("admin.keys"))))
        .isEqualTo("rw-------");
  }

  private static String raw(AdminNode node, String head) {
    try (Socket socket = new Socket("127.0.0.1", node.admin.address().getPort())) {
      socket.setSoTimeout(60_000);
      socket
          .getOutputStream()
          .write((head + "\r\nConnection: close\r\n\r\n").getBytes(StandardCharsets.ISO_8859_1));
      return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
