package dev.cairn.tests;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The process dies at each boundary of a request's life, named by a crash point. */
class BoundaryCrashTest {
  private static final int KINDS = 6;

  /** What a process ended by SIGKILL shows, and a crash point too. */
  private static final int KILLED = 137;

  /** Each boundary, and when it is reached for the last time by a server that found work. */
  private static final Map<String, Integer> BOUNDARIES =
      Map.of(
          "before-accept", 4,
          "after-accept", 5,
          "after-assign", 6,
          "after-generate", 9,
          "after-commit", 9,
          "after-publish", 9);

  @TempDir Path directory;

  @Test
  @DisplayName(
      "L8 L10 crash before accept, after accept, assign, generate, commit, publish, and again: no"
          + " stream is lost, doubled or changed")
  void diesAtEachBoundary() {
    Load load = new Load(KINDS, 60).uninterrupted(directory.resolve("quiet"));
    Path data = directory.resolve("crashing");
    for (Map.Entry<String, Integer> boundary : new TreeMap<>(BOUNDARIES).entrySet()) {
      String name = boundary.getKey();
      List<ClientStream> streams = new ArrayList<>();
      for (int count : List.of(1, boundary.getValue())) {
        String crashPoint = name + ":" + count;
        for (int i = 0; i < KINDS; i++) {
          streams.add(load.stream(streams.size(), name));
        }
        List<String> known = streams.stream().map(ClientStream::requestId).toList();
        ServerProcess victim =
            ServerProcess.at(data).set("cairn.requests.crash-at", crashPoint).start();
        // What was left by the first crash may reach the boundary before the server serves.
        if (victim.serves()) {
          Load.follow(victim, streams, () -> {});
        }
        assertThat(victim.awaitExit()).as("exit status at %s", crashPoint).isEqualTo(KILLED);
        load.assertPrefixes(streams, "when cut off at " + crashPoint);
        assertSameRequests(known, streams);
      }
      List<String> known = streams.stream().map(ClientStream::requestId).toList();
      try (ServerProcess server = ServerProcess.start(data).await()) {
        Load.follow(server, streams, () -> {});
        load.assertAsUninterrupted(streams, "after crashes at " + name);
        assertSameRequests(known, streams);
        for (int i = 0; i < streams.size(); i++) {
          ApiClient.Reply kept = server.client().get("/v1/requests/" + streams.get(i).requestId());
          assertThat(kept.body().get("text").asText()).isEqualTo(load.expected(i));
        }
      }
    }
  }

  /** A client that was told an id keeps it, however often it tries again with its key. */
  private static void assertSameRequests(List<String> known, List<ClientStream> streams) {
    for (int i = 0; i < known.size(); i++) {
      assertThat(known.get(i)).isIn("", streams.get(i).requestId());
    }
  }

  @Test
  @DisplayName("L8 a crash point that there is not is refused at the start, in one sentence")
  void unknownCrashPoint() {
    ServerProcess server =
        ServerProcess.at(directory).set("cairn.requests.crash-at", "after-lunch:1").start();
    assertThat(server.awaitExit()).isEqualTo(1);
    assertThat(server.errors())
        .singleElement()
        .asString()
        .contains("cairn.requests.crash-at is \"after-lunch:1\", expected nothing, or one of");
  }
}
