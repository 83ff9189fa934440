package dev.cairn.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.typesafe.config.ConfigFactory;
import dev.cairn.persistence.FinishReason;
import dev.cairn.persistence.RequestEvent;
import dev.cairn.persistence.RequestEvent.Accepted;
import dev.cairn.persistence.RequestEvent.Assigned;
import dev.cairn.persistence.RequestEvent.Finished;
import dev.cairn.persistence.RequestEvent.TokensCommitted;
import dev.cairn.persistence.RequestSpec;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.pekko.actor.ActorSystem;
import org.apache.pekko.actor.Props;
import org.apache.pekko.persistence.AbstractPersistentActor;
import org.apache.pekko.testkit.javadsl.TestKit;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import scala.concurrent.duration.Duration;

class JournalCommandTest {
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();
  @TempDir Path parent;

  private Path data() {
    return parent.resolve("data");
  }

  private int run(String... args) {
    out.getBuffer().setLength(0);
    err.getBuffer().setLength(0);
    CommandLine line = Main.commandLine();
    line.setOut(new PrintWriter(out, true));
    line.setErr(new PrintWriter(err, true));
    List<String> all = new ArrayList<>(List.of("journal"));
    all.addAll(Arrays.asList(args));
    all.addAll(List.of("--data-dir", data().toString()));
    return line.execute(all.toArray(String[]::new));
  }

  private ActorSystem system() {
    return system(data());
  }

  static ActorSystem system(Path data) {
    return ActorSystem.create(
        "journal",
        ConfigFactory.parseMap(
                Map.of(
                    "cairn.journal.directory",
                    data.toString(),
                    "cairn.journal.min-free-bytes",
                    0,
                    "pekko.loglevel",
                    "WARNING"))
            .withFallback(ConfigFactory.load()));
  }

  /** Two requests, of which the first has ended. */
  static void write(ActorSystem system) {
    TestKit probe = new TestKit(system);
    persist(
        system,
        probe,
        List.of(
            new Accepted(spec("first")),
            new Assigned("first", 1, 0, "cpu-0", "numerics-1"),
            tokens("first"),
            new Finished("first", 1, 2, FinishReason.LENGTH, "")));
    persist(
        system,
        probe,
        List.of(
            new Accepted(spec("other")),
            new Assigned("other", 1, 0, "cpu-0", "numerics-1"),
            tokens("other")));
  }

  private static TokensCommitted tokens(String id) {
    return new TokensCommitted(id, 1, 0, new int[] {7001, 7002}, List.of(), List.of());
  }

  private static RequestSpec spec(String id) {
    return RequestSpec.of(id, "a-model", "fingerprint", new int[] {6001, 6002, 6003})
        .submittedAtMillis(1_700_000_000_000L)
        .seed(42)
        .stop(List.of("Halt"))
        .build();
  }

  static void persist(ActorSystem system, TestKit probe, List<RequestEvent> events) {
    system
        .actorOf(Props.create(Writer.class, () -> new Writer(events.get(0).requestId())))
        .tell(events, probe.getRef());
    probe.expectMsg("stored");
  }

  static void end(ActorSystem system) {
    TestKit.shutdownActorSystem(system, Duration.create(60, TimeUnit.SECONDS), true);
  }

  private void givenJournal() {
    ActorSystem system = system();
    write(system);
    end(system);
  }

  @Test
  @DisplayName("list shows requests with state and progress, in pages, in words and as JSON")
  void list() throws IOException {
    givenJournal();
    assertThat(run("list")).isZero();
    assertThat(out.toString().lines())
        .hasSize(3)
        .satisfiesExactly(
            head -> assertThat(head).startsWith("ID ").contains("STATE", "TOKENS", "SUBMITTED"),
            first -> assertThat(first).startsWith("first ").contains("length", "2", "a-model"),
            other ->
                assertThat(other)
                    .startsWith("other ")
                    .contains("running", "2023-11-14T22:13:20.000Z"));
    assertThat(err.toString()).isEmpty();

    assertThat(run("list", "--unfinished", "--json")).isZero();
    JsonNode line = new ObjectMapper().readTree(out.toString());
    assertThat(line.get("request").asText()).isEqualTo("other");
    assertThat(line.get("state").asText()).isEqualTo("running");
    assertThat(line.get("tokens").asInt()).isEqualTo(2);

    assertThat(run("list", "--limit", "1")).isZero();
    assertThat(out.toString().lines()).hasSize(2);
    assertThat(err.toString()).contains("--after first");
    assertThat(run("list", "--after", "first")).isZero();
    assertThat(out.toString().lines().skip(1)).allMatch(row -> row.startsWith("other "));
    assertThat(run("list", "--limit", "0")).isEqualTo(1);
  }

  @Test
  @DisplayName("show tells every event in words, and what was asked and answered only if told to")
  void show() {
    givenJournal();
    assertThat(run("show", "first")).isZero();
    assertThat(out.toString().lines().toList())
        .satisfiesExactly(
            head -> assertThat(head).isEqualTo("first: length, 2 of at most 16 tokens, 4 events"),
            columns -> assertThat(columns).contains("SEQ", "EPOCH", "INDEX", "EVENT"),
            one -> assertThat(one).contains(" 1 ", "accepted for a-model: 3 prompt tokens"),
            two -> assertThat(two).contains(" 2 ", "assigned to cpu-0, numerics numerics-1"),
            three -> assertThat(three).contains(" 3 ", "2 tokens committed"),
            four -> assertThat(four).contains(" 4 ", "    2  finished: length"));
    assertThat(out.toString()).doesNotContain("6001", "7001", "Halt");
    assertThat(run("show", "first", "--tokens")).isZero();
    assertThat(out.toString()).contains("6001 6002 6003", "7001 7002", "Halt");
    assertThat(run("show", "nobody")).isEqualTo(1);
    assertThat(err.toString()).isEqualTo("cairn: The journal holds no request nobody.\n");
  }

  @Test
  @DisplayName("export prints every event as JSON, with content only if told to")
  void export() throws IOException {
    givenJournal();
    assertThat(run("export")).isZero();
    assertThat(out.toString().lines()).hasSize(7);
    assertThat(out.toString()).doesNotContain("6001", "7001", "Halt");

    assertThat(run("export", "--tokens")).isZero();
    List<JsonNode> events = new ArrayList<>();
    for (String line : out.toString().lines().toList()) {
      events.add(new ObjectMapper().readTree(line));
    }
    assertThat(events)
        .extracting(event -> event.get("event").asText())
        .startsWith("accepted", "assigned", "tokens", "finished", "accepted");
    assertThat(events.get(0).get("prompt_tokens").toString()).isEqualTo("[6001,6002,6003]");
    assertThat(events.get(2).get("tokens").toString()).isEqualTo("[7001,7002]");
    assertThat(events.get(3).get("sequence_nr").asInt()).isEqualTo(4);
    assertThat(events.get(3).get("reason").asText()).isEqualTo("length");
  }

  @Test
  @DisplayName("L8 verify warns of a torn end, and ends with 4 and the record where one is damaged")
  void verify() throws IOException {
    givenJournal();
    assertThat(run("verify")).isZero();
    assertThat(out.toString()).isEqualTo("7 events of 2 ids read: sound.\n");

    Path log = log();
    byte[] whole = Files.readAllBytes(log);
    Files.write(log, Arrays.copyOf(whole, whole.length - 3));
    Map<String, String> before = files();
    assertThat(run("verify")).isZero();
    assertThat(out.toString())
        .startsWith("warning: The log " + log.getFileName() + " ends in a write that a crash cut")
        .contains("4 events of 1 ids read: sound.");
    assertThat(run("list")).isZero();
    assertThat(err.toString()).contains("a crash cut short");
    assertThat(files()).isEqualTo(before);

    byte[] flipped = whole.clone();
    flipped[whole.length / 3] ^= 4;
    Files.write(log, flipped);
    assertThat(run("verify")).isEqualTo(4);
    assertThat(out.toString())
        .startsWith("damage: The log " + log)
        .contains("before persistence id other, sequence number 1");
    assertThat(run("list")).isEqualTo(4);
    assertThat(err.toString()).startsWith("cairn: The log " + log);
    assertThat(run("verify", "--json")).isEqualTo(4);
    assertThat(new ObjectMapper().readTree(out.toString()).get("sound").asBoolean()).isFalse();
  }

  @Test
  @DisplayName("a journal in use is read as it is at the moment, and who uses it is said")
  void running() {
    ActorSystem system = system();
    try {
      write(system);
      assertThat(run("list")).isZero();
      assertThat(out.toString().lines()).hasSize(3);
      assertThat(err.toString())
          .contains("is in use by process " + ProcessHandle.current().pid())
          .contains("this is its journal at this moment");
    } finally {
      end(system);
    }
  }

  @Test
  @DisplayName("a directory without a journal is refused in one sentence")
  void nothing() {
    assertThat(run("list")).isEqualTo(1);
    assertThat(err.toString()).isEqualTo("cairn: There is no data directory " + data() + ".\n");
  }

  @Test
  @DisplayName("bench journal prints a line for each combination and leaves nothing behind")
  void bench() throws IOException {
    CommandLine line = Main.commandLine();
    line.setOut(new PrintWriter(out, true));
    String[] args = {
      "bench",
      "journal",
      "--dir",
      parent.toString(),
      "--durability",
      "fsync,none",
      "--writers",
      "2",
      "--seconds",
      "1",
      "--repeat",
      "1",
      "--delay-ms",
      "5"
    };
    assertThat(line.execute(args)).isZero();
    List<JsonNode> lines = new ArrayList<>();
    for (String text : out.toString().lines().toList()) {
      lines.add(new ObjectMapper().readTree(text));
    }
    assertThat(lines)
        .extracting(l -> l.get("durability").asText())
        .containsExactly("fsync", "none");
    assertThat(lines)
        .allSatisfy(
            l -> {
              assertThat(l.get("p50_ms").asDouble()).isGreaterThanOrEqualTo(5);
              assertThat(l.get("events_per_second").asDouble()).isBetween(1.0, 400.0);
            });
    assertThat(files()).isEmpty();
  }

  private Path log() throws IOException {
    try (Stream<Path> files = Files.list(data().resolve("journal"))) {
      List<Path> logs = files.filter(file -> file.toString().endsWith(".log")).toList();
      assertThat(logs).hasSize(1);
      return logs.get(0);
    }
  }

  private Map<String, String> files() throws IOException {
    Map<String, String> files = new TreeMap<>();
    try (Stream<Path> walk = Files.walk(parent)) {
      for (Path file : walk.filter(Files::isRegularFile).toList()) {
        files.put(file.toString(), Arrays.toString(Files.readAllBytes(file)));
      }
    }
    return files;
  }

  private static final class Writer extends AbstractPersistentActor {
    private final String id;

    Writer(String id) {
      this.id = id;
    }

    @Override
    public String persistenceId() {
      return id;
    }

    @Override
    public Receive createReceiveRecover() {
      return receiveBuilder().build();
    }

    @Override
    public Receive createReceive() {
      return receiveBuilder()
          .match(
              List.class,
              events -> {
                persistAll(List.<Object>copyOf(events), stored -> {});
                deferAsync("stored", answer -> sender().tell(answer, self()));
              })
          .build();
    }
  }
}
