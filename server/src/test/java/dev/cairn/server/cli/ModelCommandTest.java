package dev.cairn.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class ModelCommandTest {
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();
  @TempDir Path directory;

  private int run(String... args) {
    CommandLine line = Main.commandLine();
    line.setOut(new PrintWriter(out, true));
    line.setErr(new PrintWriter(err, true));
    return line.execute(args);
  }

  private String synth(String shape, String... more) {
    String file = directory.resolve("m.gguf").toString();
    String[] args = new String[] {"model", "synth", "--shape", shape, "--out", file};
    String[] all = Arrays.copyOf(args, args.length + more.length);
    System.arraycopy(more, 0, all, args.length, more.length);
    assertThat(run(all)).as(err::toString).isZero();
    return file;
  }

  @Test
  @DisplayName("a synthetic model generates tokens, and nothing of its making is left over")
  void synthesizes() {
    String file = synth("64,2,4,2,96", "--vocab", "300", "--context", "64", "--seed", "9");

    assertThat(directory.toFile().list()).containsExactly("m.gguf");
    assertThat(run("generate", "--model", file, "--json", "--max-tokens", "4", "a b"))
        .as(err::toString)
        .isZero();
    assertThat(out.toString()).contains("finish_reason");
  }

  @Test
  @DisplayName("model info tells shape, types with their bytes, tokenizer and memory")
  void shows() throws IOException {
    String file = synth("256,2,4,2,256", "--vocab", "400", "--quant", "Q4_K_M");

    assertThat(run("model", "info", "--json", file)).as(err::toString).isZero();

    JsonNode info = new ObjectMapper().readTree(out.toString());
    assertThat(info.at("/architecture").asText()).isEqualTo("llama");
    assertThat(info.at("/shape/kv_heads").asInt()).isEqualTo(2);
    assertThat(info.at("/tokenizer/vocabulary_size").asInt()).isEqualTo(400);
    assertThat(info.at("/types/Q4_K/tensors").asInt()).isPositive();
    long bytes = 0;
    for (String type : new String[] {"F32", "Q4_K", "Q6_K"}) {
      bytes += info.at("/types/" + type + "/bytes").asLong();
    }
    assertThat(info.at("/memory/weight_bytes").asLong()).isEqualTo(bytes);
    assertThat(info.at("/memory/serving_bytes").asLong())
        .isEqualTo(bytes + info.at("/memory/kv_bytes").asLong());
    assertThat(info.at("/context_length").asInt()).isEqualTo(2048);
    assertThat(run("model", "info", file)).isZero();
    assertThat(out.toString()).contains("shape.layers");
  }

  @Test
  @DisplayName("shapes and types that cannot be are refused in one sentence")
  void refuses() {
    String file = directory.resolve("m.gguf").toString();
    assertThat(run("model", "synth", "--shape", "7b", "--out", file)).isEqualTo(1);
    assertThat(run("model", "synth", "--shape", "135m", "--quant", "Q9", "--out", file))
        .isEqualTo(1);
    assertThat(run("model", "synth", "--shape", "33,1,1,1,64", "--out", file)).isEqualTo(1);
    assertThat(err.toString().lines())
        .hasSize(3)
        .allMatch(line -> line.contains("heads") || line.contains("expected"));
    assertThat(directory.toFile().list()).isEmpty();
  }
}
