package dev.cairn.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cairn.model.gguf.GgufFile;
import dev.cairn.model.gguf.GgufMetadata;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The architectures beside llama: their tensors, constants and defaults. */
class FamiliesTest {
  @TempDir private Path folder;

  private ModelSpec describe(LlamaFile file) {
    GgufFile gguf = GgufFile.read(file.writer().write(folder.resolve("small.gguf")));
    return Architectures.describe(gguf, EnumSet.of(TensorType.F32, TensorType.F16));
  }

  @ParameterizedTest
  @ValueSource(strings = {"qwen2", "qwen3", "phi3"})
  @DisplayName("plain attention over halves, SiLU, no scale and no cap")
  void plainFamilies(String architecture) {
    ModelSpec spec = describe(FamilyFile.of(architecture));
    assertThat(spec.architecture()).isEqualTo(architecture);
    assertThat(spec.rope()).isEqualTo(RopeSpec.plain(RopeSpec.Layout.HALVES, 16, 10_000f));
    assertThat(spec.attention()).isEqualTo(AttentionSpec.plain(2, 16));
    assertThat(spec.network()).isEqualTo(NetworkSpec.PLAIN);
  }

  @Test
  @DisplayName("gemma2 without optional keys has the window and the caps of Gemma 2")
  void gemma2Defaults() {
    ModelSpec spec = describe(FamilyFile.of("gemma2"));
    assertThat(spec.attention())
        .isEqualTo(new AttentionSpec(0.25f, 50f, 4096, List.of(true, false)));
    assertThat(spec.network()).isEqualTo(new NetworkSpec(NetworkSpec.Activation.GELU, 8f, 30f));
    assertThat(spec.rope()).isEqualTo(RopeSpec.plain(RopeSpec.Layout.HALVES, 16, 10_000f));
  }

  @Test
  @DisplayName("gemma2 reads its window, its period and its caps")
  void gemma2Keys() {
    ModelSpec spec =
        describe(
            FamilyFile.of("gemma2")
                .number("gemma2.attention.sliding_window", 7)
                .number("gemma2.attention.sliding_window_pattern", 1)
                .real("gemma2.attn_logit_softcapping", 1.5f)
                .real("gemma2.final_logit_softcapping", 2.5f)
                .real("gemma2.rope.freq_base_swa", 77f));
    assertThat(spec.attention())
        .isEqualTo(new AttentionSpec(0.25f, 1.5f, 7, List.of(false, false)));
    assertThat(spec.network().logitSoftCap()).isEqualTo(2.5f);
    assertThat(spec.rope().windowed().base()).isEqualTo(77f);
  }

  @Test
  @DisplayName("gemma3 turns windowed layers by their own base, without the scaling of the others")
  void gemma3Windows() {
    ModelSpec spec =
        describe(
            FamilyFile.of("gemma3")
                .number("gemma3.attention.sliding_window", 9)
                .real("gemma3.rope.freq_base", 1e6f)
                .real("gemma3.rope.scaling.factor", 8f));
    assertThat(spec.attention()).isEqualTo(new AttentionSpec(0.25f, 0f, 9, List.of(true, true)));
    assertThat(spec.rope().full()).isEqualTo(new RopeSpec.Frequencies(1e6f, 8f));
    assertThat(spec.rope().windowed()).isEqualTo(new RopeSpec.Frequencies(10_000f, 1f));
    assertThat(spec.network()).isEqualTo(new NetworkSpec(NetworkSpec.Activation.GELU, 8f, 0f));
  }

  @Test
  @DisplayName("layers may be listed one by one, and without a window none has one")
  void listedLayers() {
    LlamaFile file =
        FamilyFile.of("gemma3")
            .number("gemma3.attention.sliding_window", 9)
            .bools("gemma3.attention.sliding_window_pattern", false, true);
    assertThat(describe(file).attention().windowed()).containsExactly(false, true);
    file.without("gemma3.attention.sliding_window");
    assertThat(describe(file).attention().windowed()).containsExactly(false, false);
  }

  @Test
  @DisplayName("gemma of 46 and 62 layers divides scores by another length than the head's")
  void scaleOf27b() {
    assertThat(gemmaScale(Architecture.GEMMA2, 46)).isEqualTo(0.25f);
    assertThat(gemmaScale(Architecture.GEMMA2, 42)).isEqualTo((float) (1 / Math.sqrt(32)));
    assertThat(gemmaScale(Architecture.GEMMA3, 62)).isEqualTo(0.25f);
    assertThat(gemmaScale(Architecture.GEMMA3, 46)).isEqualTo((float) (1 / Math.sqrt(32)));
  }

  private float gemmaScale(Architecture architecture, int layers) {
    String name = architecture.name();
    LlamaFile file =
        FamilyFile.of(name)
            .number(name + ".block_count", layers)
            .number(name + ".attention.key_length", 32)
            .number(name + ".attention.value_length", 32);
    GgufMetadata metadata =
        GgufFile.read(file.writer().write(folder.resolve("deep.gguf"))).metadata();
    HyperParameters numbers = new HyperParameters(metadata, name);
    return AttentionKeys.read(metadata, architecture, numbers).scale();
  }

  @Test
  @DisplayName("YaRN has llama.cpp's betas and the model's context where keys are missing")
  void yarnDefaults() {
    LlamaFile file =
        FamilyFile.of("qwen2")
            .string("qwen2.rope.scaling.type", "yarn")
            .real("qwen2.rope.scaling.factor", 4f);
    assertThat(describe(file).rope().yarn()).isEqualTo(new RopeSpec.Yarn(1f, 32f, 1f, 128));
    file.number("qwen2.rope.scaling.original_context_length", 32)
        .real("qwen2.rope.scaling.yarn_beta_fast", 16f)
        .real("qwen2.rope.scaling.yarn_beta_slow", 2f)
        .real("qwen2.rope.scaling.yarn_ext_factor", 0.5f)
        .real("qwen2.rope.scaling.attn_factor", 1.25f);
    RopeSpec rope = describe(file).rope();
    assertThat(rope.yarn()).isEqualTo(new RopeSpec.Yarn(0.5f, 16f, 2f, 32));
    assertThat(rope.full().scale()).isEqualTo(4f);
    assertThat(rope.magnitude()).isEqualTo(1.25f);
  }

  @Test
  @DisplayName("factors for long contexts count where sequences may be longer than the original")
  void contextFactors() {
    RopeSpec.Factors factors =
        describe(
                FamilyFile.of("phi3")
                    .number("phi3.rope.scaling.original_context_length", 64)
                    .tensor("rope_factors_short.weight", TensorType.F32, 8)
                    .tensor("rope_factors_long.weight", TensorType.F32, 8))
            .rope()
            .factors();
    assertThat(factors.dependOnContext()).isTrue();
    assertThat(factors.of(64)).isEqualTo("rope_factors_short.weight");
    assertThat(factors.of(65)).isEqualTo("rope_factors_long.weight");
  }

  static Stream<Arguments> refused() {
    return Stream.of(
        Arguments.of(
            "qwen3.rope.scaling.yarn_log_multiplier is 0.5",
            FamilyFile.of("qwen3")
                .string("qwen3.rope.scaling.type", "yarn")
                .real("qwen3.rope.scaling.yarn_log_multiplier", 0.5f)),
        Arguments.of(
            "qwen2.rope.scaling.yarn_beta_slow is 0.0",
            FamilyFile.of("qwen2")
                .string("qwen2.rope.scaling.type", "yarn")
                .real("qwen2.rope.scaling.yarn_beta_slow", 0f)),
        Arguments.of(
            "qwen2.rope.scaling.yarn_ext_factor is 2.0",
            FamilyFile.of("qwen2")
                .string("qwen2.rope.scaling.type", "yarn")
                .real("qwen2.rope.scaling.yarn_ext_factor", 2f)),
        Arguments.of(
            "qwen2.rope.freq_base is 1",
            FamilyFile.of("qwen2")
                .string("qwen2.rope.scaling.type", "yarn")
                .real("qwen2.rope.freq_base", 1f)),
        Arguments.of(
            "gemma3.rope.scaling.type is \"yarn\"",
            FamilyFile.of("gemma3")
                .number("gemma3.attention.sliding_window", 9)
                .string("gemma3.rope.scaling.type", "yarn")),
        Arguments.of(
            "gemma2.attn_logit_softcapping is -1.0",
            FamilyFile.of("gemma2").real("gemma2.attn_logit_softcapping", -1f)),
        Arguments.of(
            "gemma3.attention.sliding_window is 4294967291",
            FamilyFile.of("gemma3").number("gemma3.attention.sliding_window", -5)),
        Arguments.of(
            "sliding_window_pattern has 3 values",
            FamilyFile.of("gemma2")
                .bools("gemma2.attention.sliding_window_pattern", true, false, true)),
        Arguments.of(
            "phi3.rope.scaling.attn_factor is 0.0",
            FamilyFile.of("phi3").real("phi3.rope.scaling.attn_factor", 0f)),
        Arguments.of(
            "blk.1.attn_q_norm.weight is missing",
            FamilyFile.of("qwen3").without("blk.1.attn_q_norm.weight")),
        Arguments.of(
            "blk.0.post_ffw_norm.weight is missing",
            FamilyFile.of("gemma2").without("blk.0.post_ffw_norm.weight")),
        Arguments.of(
            "blk.0.attn_qkv.weight has the shape [64, 64]",
            FamilyFile.of("phi3").tensor("blk.0.attn_qkv.weight", TensorType.F16, 64, 64)),
        Arguments.of(
            "qwen2 architecture knows nothing of rope_freqs.weight",
            FamilyFile.of("qwen2").tensor("rope_freqs.weight", TensorType.F32, 8)),
        Arguments.of(
            "must be \"longrope\"",
            new LlamaFile(TensorType.F16).tensor("rope_factors_long.weight", TensorType.F32, 8)));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("refused")
  @DisplayName("what is not supported is refused by a sentence that names the key or the tensor")
  void refuses(String message, LlamaFile file) {
    assertThatThrownBy(() -> describe(file))
        .isInstanceOf(ModelException.class)
        .hasMessageContaining(message);
  }
}
