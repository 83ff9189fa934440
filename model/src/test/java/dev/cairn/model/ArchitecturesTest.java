package dev.cairn.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cairn.model.gguf.GgufFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class ArchitecturesTest {
  private static final Set<TensorType> TYPES = EnumSet.of(TensorType.F32, TensorType.F16);

  @TempDir Path folder;

  private ModelSpec describe(LlamaFile file) {
    GgufFile gguf = GgufFile.read(file.writer().write(folder.resolve("small.gguf")));
    return Architectures.describe(gguf, TYPES);
  }

  private static LlamaFile llama() {
    return new LlamaFile(TensorType.F16);
  }

  @Test
  @DisplayName("a small llama model is described")
  void describesLlama() {
    ModelSpec spec = describe(llama());
    assertThat(spec.name()).isEqualTo("small");
    assertThat(spec.architecture()).isEqualTo("llama");
    assertThat(spec.headLength()).isEqualTo(16);
    assertThat(spec.kvHeadCount()).isEqualTo(2);
    assertThat(spec.vocabularySize()).isEqualTo(260);
    assertThat(spec.contextLength()).isEqualTo(128);
    assertThat(spec.rope()).isEqualTo(RopeSpec.plain(RopeSpec.Layout.INTERLEAVED, 16, 10_000f));
  }

  @Test
  @DisplayName("a head length of its own, rope scaling and frequency factors are read")
  void readsOptionalKeys() {
    LlamaFile file =
        llama()
            .number("llama.attention.key_length", 32)
            .number("llama.attention.value_length", 32)
            .number("llama.rope.dimension_count", 24)
            .real("llama.rope.freq_base", 500_000f)
            .string("llama.rope.scaling.type", "linear")
            .real("llama.rope.scaling.factor", 4f)
            .tensor("rope_freqs.weight", TensorType.F32, 12)
            .tensor("output.weight", TensorType.F32, 64, 260);
    for (int layer = 0; layer < LlamaFile.LAYERS; layer++) {
      String block = "blk." + layer + ".";
      file.tensor(block + "attn_q.weight", TensorType.F16, 64, 128)
          .tensor(block + "attn_k.weight", TensorType.F16, 64, 64)
          .tensor(block + "attn_v.weight", TensorType.F16, 64, 64)
          .tensor(block + "attn_output.weight", TensorType.F16, 128, 64);
    }
    ModelSpec spec = describe(file);
    assertThat(spec.headLength()).isEqualTo(32);
    assertThat(spec.rope())
        .isEqualTo(
            new RopeSpec(
                RopeSpec.Layout.INTERLEAVED,
                24,
                new RopeSpec.Frequencies(500_000f, 4f),
                new RopeSpec.Frequencies(500_000f, 4f),
                1f,
                RopeSpec.Yarn.NONE,
                RopeSpec.Factors.always("rope_freqs.weight")));
    assertThat(spec.tensor("output.weight")).isPresent();
  }

  @Test
  @DisplayName("key and value heads are as many as heads where the file does not say")
  void defaultsKeyValueHeads() {
    LlamaFile file = llama().without("llama.attention.head_count_kv");
    for (int layer = 0; layer < LlamaFile.LAYERS; layer++) {
      file.tensor("blk." + layer + ".attn_k.weight", TensorType.F16, 64, 64)
          .tensor("blk." + layer + ".attn_v.weight", TensorType.F16, 64, 64);
    }
    assertThat(describe(file).kvHeadCount()).isEqualTo(4);
  }

  @Test
  @DisplayName("the old key of linear scaling counts, and type none turns scaling off")
  void readsOldScaling() {
    assertThat(describe(llama().real("llama.rope.scale_linear", 2f)).rope().full().scale())
        .isEqualTo(2f);
    LlamaFile off = llama().string("llama.rope.scaling.type", "none");
    assertThat(describe(off.real("llama.rope.scaling.factor", 8f)).rope().full().scale())
        .isEqualTo(1f);
  }

  @Test
  @DisplayName("the fingerprint is the same for the same file and differs for other weights")
  void fingerprintsWeights() throws IOException {
    String first = describe(llama()).fingerprint();
    assertThat(describe(llama()).fingerprint()).isEqualTo(first);
    byte[] bytes = llama().writer().bytes();
    bytes[bytes.length - 1] ^= 1;
    Path other = Files.write(folder.resolve("other.gguf"), bytes);
    assertThat(Architectures.describe(GgufFile.read(other), TYPES).fingerprint())
        .isNotEqualTo(first);
    assertThat(describe(llama().string("general.name", "x")).fingerprint()).isNotEqualTo(first);
  }

  static Stream<Arguments> refused() {
    return Stream.of(
        Arguments.of("architecture \"mamba\"", llama().string("general.architecture", "mamba")),
        Arguments.of("split.count is 2", llama().number("split.count", 2)),
        Arguments.of("general.architecture", llama().without("general.architecture")),
        Arguments.of("llama.block_count", llama().without("llama.block_count")),
        Arguments.of("layer_norm_rms_epsilon", real("attention.layer_norm_rms_epsilon", 0f)),
        Arguments.of("layer_norm_rms_epsilon", real("attention.layer_norm_rms_epsilon", Float.NaN)),
        Arguments.of("head_count_kv is 3", number("attention.head_count_kv", 3)),
        Arguments.of("head_count_kv is 8", number("attention.head_count_kv", 8)),
        Arguments.of(
            "head_count is 5",
            number("attention.head_count", 5).without("llama.attention.head_count_kv")),
        Arguments.of("embedding_length is 4294967295", number("embedding_length", -1)),
        Arguments.of("must be even", number("attention.key_length", 15)),
        Arguments.of("value_length", number("attention.value_length", 8)),
        Arguments.of("rope.dimension_count is 18", number("rope.dimension_count", 18)),
        Arguments.of("rope.dimension_count is 7", number("rope.dimension_count", 7)),
        Arguments.of("rope.freq_base", real("rope.freq_base", 0f)),
        Arguments.of("\"dynamic\"", llama().string("llama.rope.scaling.type", "dynamic")),
        Arguments.of("rope.scaling.factor", real("rope.scaling.factor", -1f)),
        Arguments.of("expert_count is 8", number("expert_count", 8)),
        Arguments.of("block_count is an array", wrongType()),
        Arguments.of("blk.1.ffn_up.weight is missing", llama().without("blk.1.ffn_up.weight")),
        Arguments.of("blk.2.attn_norm.weight is missing", number("block_count", 3)),
        Arguments.of("knows nothing of blk.1.", number("block_count", 1)),
        Arguments.of("blk.0.ffn_up.bias", llama().tensor("blk.0.ffn_up.bias", TensorType.F32, 96)),
        Arguments.of(
            "blk.0.attn_q.weight has the shape [64, 32]",
            llama().tensor("blk.0.attn_q.weight", TensorType.F16, 64, 32)),
        Arguments.of(
            "output_norm.weight is of type F16",
            llama().tensor("output_norm.weight", TensorType.F16, 64)),
        Arguments.of(
            "blk.0.ffn_up.weight is of type Q8_0",
            llama().tensor("blk.0.ffn_up.weight", TensorType.Q8_0, 64, 96)),
        Arguments.of(
            "has 260 tokens", llama().tensor("token_embd.weight", TensorType.F16, 64, 261)));
  }

  private static LlamaFile number(String key, long value) {
    return llama().number("llama." + key, value);
  }

  private static LlamaFile real(String key, float value) {
    return llama().real("llama." + key, value);
  }

  private static LlamaFile wrongType() {
    return llama().strings("llama.block_count", List.of("2"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("refused")
  @DisplayName("a model that is incomplete, out of range or not supported is refused")
  void refuses(String message, LlamaFile file) {
    assertThatThrownBy(() -> describe(file))
        .isInstanceOf(ModelException.class)
        .hasMessageContaining(message)
        .hasMessageContaining("small.gguf");
  }

  @ParameterizedTest
  @ValueSource(strings = {"block_count", "attention.head_count", "attention.head_count_kv"})
  @DisplayName("CVE-2025-0317 CVE-2024-8063 a count of zero is refused and divides nothing")
  void refusesZeroCounts(String key) {
    assertThatThrownBy(() -> describe(number(key, 0)))
        .isInstanceOf(ModelException.class)
        .hasMessageContaining("llama." + key + " is 0");
  }
}
