package dev.cairn.peer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

/** Both engines on the bundled model, a few tokens each. */
class PeerBenchTest {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final StringWriter err = new StringWriter();

  private int run(String... more) {
    List<String> args =
        new ArrayList<>(List.of("--threads", "1", "--prefill", "8", "--repeat", "1"));
    args.addAll(Arrays.asList(more));
    CommandLine line =
        PeerBench.commandLine(new PrintStream(out, true, StandardCharsets.UTF_8))
            .setErr(new PrintWriter(err, true));
    return line.execute(args.toArray(String[]::new));
  }

  @Test
  @DisplayName("each batch size gives a line of either engine and one of their ratio")
  void bothEngines() throws IOException {
    int code = run("--decode", "6", "--batch", "1,2", "--weights", "mapped");
    assumeFalse(err.toString().contains("does not load on this machine"), err::toString);
    assertThat(code).as(err::toString).isZero();
    String[] lines = out.toString(StandardCharsets.UTF_8).split("\n");
    assertThat(lines).hasSize(6);
    for (int i = 0; i < lines.length; i += 3) {
      JsonNode cairn = new ObjectMapper().readTree(lines[i]);
      JsonNode peer = new ObjectMapper().readTree(lines[i + 1]);
      JsonNode ratio = new ObjectMapper().readTree(lines[i + 2]);
      assertThat(cairn.get("engine").asText()).isEqualTo("cairn");
      assertThat(cairn.get("weights").asText()).isEqualTo("mapped");
      assertThat(peer.get("engine").asText()).isEqualTo("llama.cpp");
      for (JsonNode each : List.of(cairn, peer, ratio)) {
        assertThat(each.get("batch").asInt()).isEqualTo(1 + i / 3);
        assertThat(each.get("decode_tok_s").asDouble()).isPositive();
        assertThat(each.get("prefill_tok_s").asDouble()).isPositive();
      }
      assertThat(peer.get("model")).isEqualTo(cairn.get("model"));
      assertThat(ratio.get("decode_tok_s").asDouble())
          .isCloseTo(
              cairn.get("decode_tok_s").asDouble() / peer.get("decode_tok_s").asDouble(),
              org.assertj.core.api.Assertions.within(1e-3));
    }
  }

  @Test
  @DisplayName("a rate of one token has no duration and is refused")
  void oneTokenIsRefused() {
    assertThat(run("--decode", "1")).isEqualTo(1);
    assertThat(err.toString()).contains("--decode is 1; expected at least 2.");
    assertThat(out.size()).isZero();
  }
}
