package dev.cairn.model.tokenizer;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cairn.model.LlamaFile;
import dev.cairn.model.ModelException;
import dev.cairn.model.Tokenizer;
import dev.cairn.model.gguf.GgufFile;
import dev.cairn.model.gguf.GgufWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class TokenizersTest {
  private static final int NORMAL = 1;
  private static final int UNKNOWN = 2;
  private static final int CONTROL = 3;
  private static final int USER = 4;
  private static final int BYTE = 6;

  @TempDir Path folder;

  private Tokenizer read(GgufWriter writer) {
    return Tokenizers.of(GgufFile.read(writer.write(folder.resolve("t.gguf"))).metadata());
  }

  /** A SentencePiece vocabulary: 0 unknown, 1 begin, 2 end, 3 to 258 bytes, then these pieces. */
  private static GgufWriter sentencePiece(List<String> pieces, int[] kinds, float[] scores) {
    List<String> tokens = new ArrayList<>(List.of("<unk>", "<s>", "</s>"));
    for (int b = 0; b < 256; b++) {
      tokens.add(String.format("<0x%02X>", b));
    }
    tokens.addAll(pieces);
    int[] types = new int[tokens.size()];
    float[] allScores = new float[tokens.size()];
    Arrays.fill(types, 3, 259, BYTE);
    types[0] = UNKNOWN;
    types[1] = CONTROL;
    types[2] = CONTROL;
    System.arraycopy(kinds, 0, types, 259, kinds.length);
    System.arraycopy(scores, 0, allScores, 259, scores.length);
    return new GgufWriter()
        .string("tokenizer.ggml.model", "llama")
        .strings("tokenizer.ggml.tokens", tokens)
        .int32s("tokenizer.ggml.token_type", types)
        .float32s("tokenizer.ggml.scores", allScores);
  }

  @Test
  @DisplayName("pieces merge by score, spaces become U+2581, the rest becomes bytes")
  void encodesSentencePiece() {
    Tokenizer tokenizer =
        read(
            sentencePiece(
                List.of("a", "b", "\u2581", "ab", "\u2581a", "<x>"),
                new int[] {NORMAL, NORMAL, NORMAL, NORMAL, NORMAL, USER},
                new float[] {-9, -9, -9, -2, -1, 0}));
    int a = 259;
    assertThat(tokenizer.encode("ab", true, false)).containsExactly(1, a + 4, a + 1);
    assertThat(tokenizer.encode("bab", false, false)).containsExactly(a + 2, a + 1, a + 3);
    assertThat(tokenizer.encode("é", false, false)).containsExactly(a + 2, 3 + 0xC3, 3 + 0xA9);
    assertThat(tokenizer.encode("b<x>a", false, false)).containsExactly(a + 2, a + 1, a + 5, a + 4);
    assertThat(tokenizer.encode("</s>", false, true)).containsExactly(2);
    assertThat(tokenizer.encode("</s>", false, false)).doesNotContain(2);
    assertThat(tokenizer.bytes(a + 4)).isEqualTo(new byte[] {' ', 'a'});
    assertThat(tokenizer.bytes(3 + 0xC3)).isEqualTo(new byte[] {(byte) 0xC3});
    assertThat(tokenizer.bytes(2)).isEmpty();
    assertThat(tokenizer.beginOfSequence()).hasValue(1);
    assertThat(tokenizer.endsGeneration(2)).isTrue();
    assertThat(tokenizer.endsGeneration(1)).isFalse();
  }

  @Test
  @DisplayName("without add_space_prefix nothing is put before the text, and an end token is added")
  void keepsFlags() {
    Tokenizer tokenizer =
        read(
            sentencePiece(List.of("a"), new int[] {NORMAL}, new float[] {0})
                .bool("tokenizer.ggml.add_space_prefix", false)
                .bool("tokenizer.ggml.add_bos_token", false)
                .bool("tokenizer.ggml.add_eos_token", true)
                .uint32("tokenizer.ggml.eos_token_id", 2));
    assertThat(tokenizer.encode("aa", true, false)).containsExactly(259, 259, 2);
    assertThat(tokenizer.encode("aa", false, false)).containsExactly(259, 259);
  }

  private static GgufWriter byteLevel(List<String> special, int... kinds) {
    List<String> tokens = new ArrayList<>();
    for (int b = 0; b < 256; b++) {
      tokens.add(LlamaFile.byteCharacter(b));
    }
    tokens.addAll(special);
    int[] types = new int[tokens.size()];
    Arrays.fill(types, NORMAL);
    System.arraycopy(kinds, 0, types, 256, kinds.length);
    return new GgufWriter()
        .string("tokenizer.ggml.model", "gpt2")
        .strings("tokenizer.ggml.tokens", tokens)
        .int32s("tokenizer.ggml.token_type", types)
        .strings("tokenizer.ggml.merges", List.of("a b"));
  }

  @Test
  @DisplayName("the longest special token wins, user-defined ones count always")
  void findsSpecialTokens() {
    Tokenizer tokenizer = read(byteLevel(List.of("<a>", "<a><b>", "<b>"), CONTROL, CONTROL, USER));
    assertThat(tokenizer.encode("<a><b><a>", false, true)).containsExactly(257, 256);
    int[] plain = tokenizer.encode("<a><b>", false, false);
    assertThat(plain).containsExactly('<', 'a', '>', 258);
    assertThat(tokenizer.bytes(258)).isEqualTo("<b>".getBytes(UTF_8));
  }

  @Test
  @DisplayName("the order of special tokens in the text is kept, however many there are")
  void splitsManySpecialTokens() {
    Tokenizer tokenizer = read(byteLevel(List.of("<a>", "<b>", "<c>"), CONTROL, CONTROL, CONTROL));
    String text = "<b>x" + "<a>y".repeat(200_000) + "<c";
    int[] tokens = tokenizer.encode(text, false, true);
    assertThat(tokens).hasSize(2 + 400_000 + 2).startsWith(257, 'x', 256, 'y', 256);
    assertThat(tokens).endsWith('y', '<', 'c');
    assertThat(tokenizer.encode("<<a>", false, true)).containsExactly('<', 256);
  }

  @Test
  @DisplayName("of overlapping special tokens the longer takes its place first")
  void cutsOverlappingSpecialTokens() {
    Tokenizer tokenizer = read(byteLevel(List.of("aba", "bacd"), CONTROL, CONTROL));
    assertThat(tokenizer.encode("abacd", false, true)).containsExactly('a', 257);
    assertThat(tokenizer.encode("abaxbacd", false, true)).containsExactly(256, 'x', 257);
    assertThat(tokenizer.encode("ababa", false, true)).containsExactly(256, 'b', 'a');
  }

  @Test
  @DisplayName(
      "end, end of turn and end of message tokens end a generation, also by their spelling")
  void knowsEndings() {
    Tokenizer tokenizer =
        read(
            byteLevel(
                    List.of("<|im_end|>", "<|eot_id|>", "<end_of_turn>", "<eot>", "<eom>", "<x>"),
                    CONTROL,
                    NORMAL,
                    USER,
                    CONTROL,
                    CONTROL,
                    CONTROL)
                .uint32("tokenizer.ggml.eot_token_id", 259)
                .uint32("tokenizer.ggml.eom_token_id", 260)
                .uint32("tokenizer.ggml.eos_token_id", 0xFFFF_FFFFL));
    for (int id = 256; id <= 260; id++) {
      assertThat(tokenizer.endsGeneration(id)).as("token %d", id).isTrue();
      assertThat(tokenizer.isControl(id)).as("token %d", id).isTrue();
    }
    assertThat(tokenizer.endsGeneration(261)).isFalse();
    assertThat(tokenizer.endsGeneration('a')).isFalse();
  }

  @Test
  @DisplayName("what merges to no token is written byte by byte")
  void fallsBackToBytes() {
    assertThat(read(byteLevel(List.of())).encode("xab", false, false))
        .containsExactly('x', 'a', 'b');
  }

  @Test
  @DisplayName("llama 3 takes a word that is a token without merging")
  void takesWholeWords() {
    GgufWriter writer = byteLevel(List.of("cd")).string("tokenizer.ggml.pre", "llama-bpe");
    assertThat(read(writer).encode("cd", false, false)).containsExactly(256);
    GgufWriter other = byteLevel(List.of("cd")).string("tokenizer.ggml.pre", "qwen2");
    assertThat(read(other).encode("cd", false, false)).containsExactly('c', 'd');
  }

  static Stream<Arguments> refused() {
    return Stream.of(
        Arguments.of("model is \"bert\"", model("bert")),
        Arguments.of("tokenizer.ggml.model is missing", new GgufWriter()),
        Arguments.of("\"tekken\", which is not supported", pre("tekken")),
        Arguments.of("[default, gpt-2, llama-bpe,", pre("tekken")),
        Arguments.of(
            "token_type has 1 entries",
            model("gpt2")
                .strings("tokenizer.ggml.tokens", List.of("a", "b"))
                .int32s("tokenizer.ggml.token_type", 1)),
        Arguments.of(
            "has \"a\" twice, as 0 and as 1",
            model("gpt2").strings("tokenizer.ggml.tokens", List.of("a", "a"))),
        Arguments.of(
            "merges is missing", model("gpt2").strings("tokenizer.ggml.tokens", List.of("a", "b"))),
        Arguments.of(
            "merges[0] is \"ab\"",
            model("gpt2")
                .strings("tokenizer.ggml.tokens", List.of("a", "b"))
                .strings("tokenizer.ggml.merges", List.of("ab"))),
        Arguments.of(
            "scores is missing",
            model("llama").strings("tokenizer.ggml.tokens", List.of("a", "b"))),
        Arguments.of(
            "scores has 1 entries",
            model("llama")
                .strings("tokenizer.ggml.tokens", List.of("a", "b"))
                .float32s("tokenizer.ggml.scores", 1f)),
        Arguments.of(
            "scores[1] is not a number",
            model("llama")
                .strings("tokenizer.ggml.tokens", List.of("a", "b"))
                .float32s("tokenizer.ggml.scores", 1f, Float.NaN)),
        Arguments.of(
            "neither <0x00> nor",
            model("llama")
                .strings("tokenizer.ggml.tokens", List.of("a", "b"))
                .float32s("tokenizer.ggml.scores", 1f, 1f)
                .uint32("tokenizer.ggml.unknown_token_id", -1)),
        Arguments.of(
            "is the byte token \"b\"",
            model("llama")
                .strings("tokenizer.ggml.tokens", List.of("a", "b"))
                .int32s("tokenizer.ggml.token_type", 1, 6)
                .float32s("tokenizer.ggml.scores", 1f, 1f)),
        Arguments.of(
            "tokens is UINT32, but must be an array of strings",
            model("llama").uint32("tokenizer.ggml.tokens", 1)));
  }

  private static GgufWriter model(String name) {
    return new GgufWriter().string("tokenizer.ggml.model", name);
  }

  private static GgufWriter pre(String name) {
    return byteLevel(List.of()).string("tokenizer.ggml.pre", name);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("refused")
  @DisplayName("a vocabulary that is incomplete or not supported is refused")
  void refuses(String message, GgufWriter writer) {
    assertThatThrownBy(() -> read(writer))
        .isInstanceOf(ModelException.class)
        .hasMessageContaining(message)
        .hasMessageContaining("t.gguf");
  }
}
