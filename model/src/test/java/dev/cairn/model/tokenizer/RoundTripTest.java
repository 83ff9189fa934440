package dev.cairn.model.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import dev.cairn.model.SharedFiles;
import dev.cairn.model.Tokenizer;
import dev.cairn.model.gguf.GgufFile;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Random texts there and back. Replay with {@code -Dcairn.seed=N}. */
class RoundTripTest {
  private static final int MILLION = 1 << 20;

  private static Tokenizer tokenizer(String name) {
    Path file =
        name.equals("bundled")
            ? SharedFiles.bundled("cairn-tales-5m.Q8_0.gguf")
            : SharedFiles.shared(name);
    return Tokenizers.of(GgufFile.read(file).metadata());
  }

  private static String withPrefix(String name, String text) {
    return name.contains("spm") || name.contains("stories") ? " " + text : text;
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "bundled",
        "tokenizers/gpt-2.gguf",
        "tokenizers/qwen2.gguf",
        "tokenizers/llama-spm.gguf",
        "models/stories260K.gguf"
      })
  @DisplayName("random Unicode text decodes to itself and never becomes a control token")
  void returnsRandomText(String name) {
    Tokenizer tokenizer = tokenizer(name);
    long first = Long.getLong("cairn.seed", System.nanoTime());
    for (long seed = first; seed < first + 500; seed++) {
      String text = TokenizerTexts.random(new Random(seed), 60).replace('\u2581', '_') + "</s>";
      int[] tokens = tokenizer.encode(text, false, false);
      assertThat(TokenizerTexts.decode(tokenizer, tokens))
          .as("seed " + seed)
          .isEqualTo(withPrefix(name, text));
      assertThat(Arrays.stream(tokens).anyMatch(tokenizer::isControl)).as("seed " + seed).isFalse();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"bundled", "tokenizers/qwen2.gguf", "tokenizers/llama-spm.gguf"})
  @DisplayName("a million characters without a space are encoded in the time of a merge sort")
  void encodesOneLongWord(String name) {
    Tokenizer tokenizer = tokenizer(name);
    Random random = new Random(1);
    StringBuilder text = new StringBuilder();
    while (text.length() < MILLION) {
      text.append((char) ('a' + random.nextInt(26)));
    }
    String repeated = "a".repeat(MILLION);
    assertTimeoutPreemptively(
        Duration.ofSeconds(60),
        () -> {
          for (String input : new String[] {text.toString(), repeated}) {
            int[] tokens = tokenizer.encode(input, false, true);
            assertThat(TokenizerTexts.decode(tokenizer, tokens).equals(withPrefix(name, input)))
                .isTrue();
          }
        });
  }
}
