package dev.cairn.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ModelFileTest {
  private static final Set<TensorType> ALL = Set.of(TensorType.values());

  @Test
  @DisplayName("the bundled model is described as its provenance says")
  void describesTheBundledModel() {
    ModelFile model = ModelFile.read(SharedFiles.bundled("cairn-tales-5m.Q8_0.gguf"), ALL);
    ModelSpec spec = model.spec();
    assertThat(spec.name()).isEqualTo("Cairn Tales 5M");
    assertThat(spec.embeddingLength()).isEqualTo(256);
    assertThat(spec.layerCount()).isEqualTo(6);
    assertThat(spec.headCount()).isEqualTo(8);
    assertThat(spec.kvHeadCount()).isEqualTo(4);
    assertThat(spec.headLength()).isEqualTo(32);
    assertThat(spec.feedForwardLength()).isEqualTo(768);
    assertThat(spec.vocabularySize()).isEqualTo(2048);
    assertThat(spec.contextLength()).isEqualTo(512);
    assertThat(spec.rmsNormEpsilon()).isEqualTo(1e-5f);
    assertThat(spec.rope()).isEqualTo(RopeSpec.plain(RopeSpec.Layout.INTERLEAVED, 32, 10_000f));
    assertThat(spec.tensors()).hasSize(56);
    assertThat(spec.tensor("output.weight")).isEmpty();
    assertThat(spec.fingerprint()).matches("[0-9a-f]{64}");
    assertThat(model.tokenizer().beginOfSequence()).hasValue(0);
    assertThat(model.tokenizer().endsGeneration(0)).isTrue();
    assertThat(model.chatTemplate()).isEmpty();
    assertThat(model.pooling()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({"0,", "1,MEAN", "2,", "3,LAST", "4,"})
  @DisplayName("pooling_type says how vectors are made, where it is the mean or the last state")
  void pooling(int type, Pooling pooling, @TempDir Path folder) {
    Path file =
        FamilyFile.of("qwen3")
            .number("qwen3.pooling_type", type)
            .writer()
            .write(folder.resolve("small.gguf"));
    assertThat(ModelFile.read(file, ALL).pooling()).isEqualTo(Optional.ofNullable(pooling));
  }

  @Test
  @DisplayName("a model with untied output and SentencePiece vocabulary is described")
  void describesStories() {
    ModelFile model = ModelFile.read(SharedFiles.shared("models/stories260K.gguf"), ALL);
    assertThat(model.spec().headLength()).isEqualTo(8);
    assertThat(model.spec().kvHeadCount()).isEqualTo(4);
    assertThat(model.spec().tensor("output.weight")).isPresent();
    assertThat(model.tokenizer().beginOfSequence()).hasValue(1);
    assertThat(model.tokenizer().endsGeneration(2)).isTrue();
  }
}
