package dev.cairn.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

/** {@code cairn generate --chat}. */
class ChatLineTest {
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int chat(String lines, String... more) {
    InputStream before = System.in;
    System.setIn(new ByteArrayInputStream(lines.getBytes(StandardCharsets.UTF_8)));
    try {
      CommandLine line = Main.commandLine();
      line.setOut(new PrintWriter(out, true));
      line.setErr(new PrintWriter(err, true));
      String[] args = new String[more.length + 4];
      System.arraycopy(new String[] {"generate", "--chat", "--temperature", "0"}, 0, args, 0, 4);
      System.arraycopy(more, 0, args, 4, more.length);
      return line.execute(args);
    } finally {
      System.setIn(before);
    }
  }

  private String answersTo(String lines, String... more) {
    out.getBuffer().setLength(0);
    err.getBuffer().setLength(0);
    assertThat(chat(lines, more)).as(err::toString).isZero();
    return out.toString();
  }

  @Test
  @DisplayName("each line gets an answer that knows what was said, until /clear makes it forget")
  void remembers() {
    String question = "Tell me of a little fox.\n";
    String first = answersTo(question, "--max-tokens", "12");
    assertThat(first).isNotBlank();
    String twice = answersTo(question + question, "--max-tokens", "12");
    assertThat(twice).startsWith(first).isNotEqualTo(first + first);
    String cleared = answersTo(question + "/clear\n" + question, "--max-tokens", "12");
    assertThat(cleared).isEqualTo(first + first);
    assertThat(err.toString()).contains("What was said is forgotten.");
    String ended = answersTo(question + "\n/exit\n" + question, "--max-tokens", "12");
    assertThat(ended).isEqualTo(first);
  }

  @Test
  @DisplayName("what is no question is told so, beside the answers")
  void notes() {
    String answer = answersTo("/help\n/bake\n", "--max-tokens", "4");
    assertThat(answer).isEmpty();
    assertThat(err.toString()).contains("There is no /bake. /clear forgets");
  }

  @Test
  @DisplayName("a conversation that fills the context goes on without its oldest part, and says so")
  void forgets() {
    String lines = "One two three four five six seven eight nine ten.\n".repeat(12);
    answersTo(lines, "--max-tokens", "100", "--ignore-eos");
    assertThat(err.toString()).contains("the oldest of what was said is forgotten");
    assertThat(err.toString()).doesNotContain("tokens; expected");
    String tooLong = answersTo("word ".repeat(3000) + "\n", "--max-tokens", "4");
    assertThat(tooLong).isEmpty();
    assertThat(err.toString()).contains("messages has", "expected at most");
  }

  @Test
  @DisplayName("a chat takes no prompt, and instructions need a chat")
  void usage() {
    assertThat(chat("", "Once")).isEqualTo(Main.USAGE);
    assertThat(chat("", "--json")).isEqualTo(Main.USAGE);
    CommandLine line = Main.commandLine();
    line.setErr(new PrintWriter(err, true));
    assertThat(line.execute("generate", "--system", "Be short.", "Once")).isEqualTo(Main.USAGE);
    assertThat(err.toString())
        .contains("without PROMPT and --json")
        .contains("--system stands before a chat; expected --chat with it");
  }

  @Test
  @DisplayName("instructions stay first when the oldest is forgotten")
  void messages() {
    ChatHistory history = new ChatHistory(Optional.of("Be short."));
    history.answered("a", "b");
    history.answered("c", "d");
    JsonNode all = history.messages("e");
    assertThat(all).hasSize(6);
    assertThat(all.get(0).get("role").asText()).isEqualTo("system");
    assertThat(history.forgetOldest()).isTrue();
    assertThat(history.messages("e").findValuesAsText("content"))
        .containsExactly("Be short.", "c", "d", "e");
    assertThat(history.forgetOldest()).isTrue();
    assertThat(history.forgetOldest()).isFalse();
    assertThat(history.messages("e").findValuesAsText("role")).containsExactly("system", "user");
  }
}
