package dev.cairn.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cairn.persistence.FinishReason;
import dev.cairn.persistence.RequestEvent;
import dev.cairn.persistence.RequestEvent.Accepted;
import dev.cairn.persistence.RequestEvent.Assigned;
import dev.cairn.persistence.RequestEvent.Finished;
import dev.cairn.persistence.RequestEvent.TokensCommitted;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.persistence.journal.JournalReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.pekko.actor.ActorSystem;
import org.apache.pekko.testkit.javadsl.TestKit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class ReplayCommandTest {
  private static final int TOKENS = 12;

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();
  @TempDir Path directory;

  /** What the bundled model was asked and said, from a journal of its own. */
  private final List<RequestEvent> said = new ArrayList<>();

  private Path said() {
    return directory.resolve("said");
  }

  private int run(Path data, String... args) {
    out.getBuffer().setLength(0);
    err.getBuffer().setLength(0);
    CommandLine line = Main.commandLine();
    line.setOut(new PrintWriter(out, true));
    line.setErr(new PrintWriter(err, true));
    List<String> all = new ArrayList<>(Arrays.asList(args));
    all.addAll(List.of("--data-dir", data.toString()));
    return line.execute(all.toArray(String[]::new));
  }

  @BeforeEach
  void generate() throws IOException {
    String[] args = {
      "generate", "--max-tokens", "" + TOKENS, "--ignore-eos", "--temperature", "0.9", "Once upon"
    };
    assertThat(run(said(), args)).as(err::toString).isZero();
    try (JournalReader journal = JournalReader.open(said())) {
      String id = journal.requests("", 1).get(0).persistenceId();
      for (var stored : journal.events(id, 1, 1000)) {
        said.add(stored.requestEvent().orElseThrow());
      }
    }
  }

  private RequestSpec spec() {
    return ((Accepted) said.get(0)).spec();
  }

  private Path journal(RequestEvent... events) {
    Path data = directory.resolve("written");
    ActorSystem system = JournalCommandTest.system(data);
    JournalCommandTest.persist(system, new TestKit(system), List.of(events));
    JournalCommandTest.end(system);
    return data;
  }

  private int[] tokens() {
    int[] tokens = new int[TOKENS];
    said.stream()
        .filter(TokensCommitted.class::isInstance)
        .map(TokensCommitted.class::cast)
        .forEach(e -> System.arraycopy(e.tokens(), 0, tokens, e.index(), e.tokens().length));
    return tokens;
  }

  private TokensCommitted committed(int[] tokens) {
    return new TokensCommitted(spec().id(), 1, 0, tokens, List.of(), List.of());
  }

  @Test
  @DisplayName("what a server said comes out again, and its journal is left as it was")
  void equal() throws IOException {
    long before = events();
    assertThat(run(said(), "replay", "--all")).as(err::toString).isZero();
    assertThat(out.toString())
        .isEqualTo(
            "1 of 1 requests came out the same, 12 tokens compared; 0 differ, 0 were left out.\n");
    assertThat(run(said(), "replay", spec().id(), "--json")).isZero();
    JsonNode line = new ObjectMapper().readTree(out.toString().lines().findFirst().orElseThrow());
    assertThat(line.get("verdict").asText()).isEqualTo("equal");
    assertThat(line.get("tokens").asInt()).isEqualTo(TOKENS);
    assertThat(events()).isEqualTo(before);
  }

  private long events() throws IOException {
    try (JournalReader journal = JournalReader.open(said())) {
      return journal.verify(10).events();
    }
  }

  @Test
  @DisplayName("a token that the model does not say is found, and the exit code tells")
  void different() {
    int[] forged = tokens();
    int was = forged[5];
    forged[5] = was == 1000 ? 1001 : 1000;
    Path data =
        journal(
            said.get(0),
            said.get(1),
            committed(forged),
            new Finished(spec().id(), 1, TOKENS, FinishReason.LENGTH, ""));
    assertThat(run(data, "replay", "--all")).isEqualTo(5);
    assertThat(out.toString())
        .contains(
            spec().id()
                + " differs: token 5 is "
                + forged[5]
                + " in the journal and "
                + was
                + " here",
            "0 of 1 requests came out the same",
            "1 differ");
  }

  @Test
  @DisplayName("an end that the model does not make is found")
  void anotherEnd() {
    Path data =
        journal(
            said.get(0),
            said.get(1),
            committed(tokens()),
            new Finished(spec().id(), 1, TOKENS, FinishReason.STOP, ""));
    assertThat(run(data, "replay", "--all")).isEqualTo(5);
    assertThat(out.toString()).contains("it ended by STOP and ends by LENGTH here");
  }

  @Test
  @DisplayName("of a request that was cut short what there is is compared")
  void prefix() {
    Path data =
        journal(
            said.get(0),
            said.get(1),
            committed(Arrays.copyOf(tokens(), 7)),
            new Finished(spec().id(), 1, 7, FinishReason.CANCELLED, "cancelled"));
    assertThat(run(data, "replay", "--all")).as(err::toString).isZero();
    assertThat(out.toString()).contains("7 tokens compared");
  }

  @Test
  @DisplayName("what cannot be computed here is named, and nothing compared is no success")
  void skipped() {
    Path data =
        journal(
            said.get(0),
            new Assigned(spec().id(), 1, 0, "cpu-0", "numerics of old"),
            committed(tokens()));
    assertThat(run(data, "replay", "--all")).isEqualTo(1);
    assertThat(out.toString()).contains("left out: it ran under numerics [numerics of old]");
  }

  @Test
  @DisplayName("an unknown request and a missing choice are refused with a sentence")
  void refused() {
    assertThat(run(said(), "replay", "nobody")).isEqualTo(1);
    assertThat(err.toString()).contains("There is no request nobody in the journal");
    assertThat(run(said(), "replay")).isEqualTo(2);
    assertThat(err.toString()).contains("Give the ID of a request, or --all");
  }
}
