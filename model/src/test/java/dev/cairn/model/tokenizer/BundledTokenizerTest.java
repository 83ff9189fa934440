package dev.cairn.model.tokenizer;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.cairn.model.SharedFiles;
import dev.cairn.model.Tokenizer;
import dev.cairn.model.gguf.GgufFile;
import java.io.IOException;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class BundledTokenizerTest {
  private static final String TEXT = "\"%s\": \"((?:[^\"\\\\]|\\\\.)*)\"";
  private static final String IDS = "\"%s\": \\[([^\\]]*)\\]";

  private final Tokenizer tokenizer =
      Tokenizers.of(GgufFile.read(SharedFiles.bundled("cairn-tales-5m.Q8_0.gguf")).metadata());

  @Test
  @DisplayName("prompts encode and outputs decode as the reference implementation has them")
  void agreesWithTheReference() throws IOException {
    String golden = Files.readString(SharedFiles.bundled("golden_greedy.json"));
    String[] prompts = all(golden, TEXT, "prompt");
    String[] promptIds = all(golden, IDS, "prompt_ids");
    String[] outputs = all(golden, IDS, "generated_ids");
    String[] texts = all(golden, TEXT, "text");
    assertThat(prompts).hasSizeGreaterThanOrEqualTo(3);
    assertThat(prompts).hasSameSizeAs(promptIds).hasSameSizeAs(outputs).hasSameSizeAs(texts);
    for (int i = 0; i < prompts.length; i++) {
      int[] prompt = ids(promptIds[i]);
      assertThat(tokenizer.encode(plain(prompts[i]), true, false)).isEqualTo(prompt);
      IntStream all = IntStream.concat(IntStream.of(prompt), IntStream.of(ids(outputs[i])));
      assertThat(TokenizerTexts.decode(tokenizer, all.toArray())).isEqualTo(plain(texts[i]));
    }
  }

  @Test
  @DisplayName("a begin token is added and a special token in the text is read only when asked")
  void handlesSpecialTokens() {
    assertThat(tokenizer.encode("", true, true)).containsExactly(0);
    assertThat(tokenizer.encode("", false, true)).isEmpty();
    assertThat(tokenizer.encode("<|endoftext|>", false, true)).containsExactly(0);
    assertThat(tokenizer.encode("<|endoftext|>", false, false)).doesNotContain(0);
    assertThat(tokenizer.piece(0)).isEqualTo("<|endoftext|>");
    assertThat(tokenizer.bytes(0)).isEmpty();
    assertThat(tokenizer.isControl(0)).isTrue();
    assertThat(tokenizer.isControl(1)).isFalse();
    assertThat(tokenizer.size()).isEqualTo(2048);
  }

  @Test
  @DisplayName("unpaired surrogates are encoded as U+FFFD")
  void replacesUnpairedSurrogates() {
    String text = "a\uD83Eb\uDD99";
    String decoded = TokenizerTexts.decode(tokenizer, tokenizer.encode(text, false, true));
    assertThat(decoded).isEqualTo("a\uFFFDb\uFFFD");
    assertThat(decoded.getBytes(UTF_8)).hasSize(8);
  }

  private static String[] all(String json, String pattern, String name) {
    return Pattern.compile(String.format(pattern, name))
        .matcher(json)
        .results()
        .map((MatchResult m) -> m.group(1))
        .toArray(String[]::new);
  }

  private static int[] ids(String list) {
    return Arrays.stream(list.trim().split("\\s*,\\s*")).mapToInt(Integer::parseInt).toArray();
  }

  private static String plain(String escaped) {
    return escaped.replace("\\n", "\n").replace("\\\"", "\"").replace("\\\\", "\\");
  }
}
