package dev.cairn.model.synth;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cairn.model.ModelFile;
import dev.cairn.model.ModelSpec;
import dev.cairn.model.TensorInfo;
import dev.cairn.model.TensorType;
import java.io.ByteArrayOutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SyntheticModelTest {
  private static final SyntheticShape SMALL =
      SyntheticShape.parse("256,3,4,2,512").withVocabulary(700).withContext(128);

  @TempDir private Path directory;

  @Test
  @DisplayName("equal seeds give equal bytes, on every machine, and others give others")
  void isDeterministic() throws Exception {
    Path one = write("one", SMALL, "Q4_K_M", 5);
    Path same = write("same", SMALL, "Q4_K_M", 5);
    Path other = write("other", SMALL, "Q4_K_M", 6);

    assertThat(Files.mismatch(one, same)).isEqualTo(-1);
    assertThat(Files.mismatch(one, other)).isNotEqualTo(-1);
    byte[] digest = MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(one));
    assertThat(HexFormat.of().formatHex(digest, 0, 8)).isEqualTo("08796f04ea17543a");
  }

  @ParameterizedTest
  @ValueSource(strings = {"F32", "F16", "BF16", "Q8_0", "Q4_0", "Q5_1", "Q2_K", "Q6_K", "Q4_K_M"})
  @DisplayName("the file is a model that Cairn reads, whose tokenizer encodes any text")
  void isWhole(String quantization) {
    ModelFile model = read(write("model", SMALL, quantization, 1));

    assertThat(model.spec().vocabularySize()).isEqualTo(700);
    assertThat(model.spec().contextLength()).isEqualTo(128);
    assertThat(model.spec().kvHeadCount()).isEqualTo(2);
    String text = "the quick brown fox, größer als 3 € \u0000\n\uD83D\uDE00";
    int[] tokens = model.tokenizer().encode(text, false, false);
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (int token : tokens) {
      bytes.writeBytes(model.tokenizer().bytes(token));
    }
    assertThat(bytes.toString(UTF_8)).isEqualTo(text);
    assertThat(tokens.length).isLessThan(text.getBytes(UTF_8).length);
    assertThat(model.tokenizer().encode("a", true, false)).startsWith(0);
    assertThat(model.tokenizer().endsGeneration(1)).isTrue();
  }

  @Test
  @DisplayName("Q4_K_M mixes types as files of this name do")
  void mixesTypes() {
    ModelSpec model = read(write("m", SMALL, "Q4_K_M", 1)).spec();

    assertThat(typeOf(model, "output.weight")).isEqualTo(TensorType.Q6_K);
    assertThat(typeOf(model, "token_embd.weight")).isEqualTo(TensorType.Q4_K);
    assertThat(typeOf(model, "blk.2.ffn_down.weight")).isEqualTo(TensorType.Q6_K);
    assertThat(typeOf(model, "blk.0.ffn_down.weight")).isEqualTo(TensorType.Q4_K);
    assertThat(typeOf(model, "blk.0.attn_norm.weight")).isEqualTo(TensorType.F32);
  }

  @Test
  @DisplayName("rows that no super-block fits get the types that llama.cpp falls back to")
  void fallsBack() {
    SyntheticShape narrow = SyntheticShape.parse("96,1,3,1,160").withVocabulary(300);
    ModelSpec model = read(write("m", narrow, "Q4_K_M", 1)).spec();

    Map<TensorType, Long> counts =
        model.tensors().stream()
            .collect(Collectors.groupingBy(TensorInfo::type, TreeMap::new, Collectors.counting()));
    assertThat(counts.keySet())
        .containsExactlyInAnyOrder(TensorType.F32, TensorType.Q5_0, TensorType.Q8_0);
  }

  @Test
  @DisplayName("the named shapes have the numbers of parameters that their names say")
  void hasRealShapes() {
    assertThat(parameters(SyntheticShape.parse("135m"))).isBetween(134_000_000L, 135_000_000L);
    assertThat(parameters(SyntheticShape.parse("1b"))).isBetween(1_090_000_000L, 1_110_000_000L);
  }

  @Test
  @DisplayName("progress ends at the sum of the tensors")
  void reportsProgress() {
    SyntheticModel model = new SyntheticModel(SMALL, Quantization.parse("Q8_0"), 1, "m");
    List<Long> progress = new ArrayList<>();
    model.write(directory.resolve("m.gguf"), progress::add);

    assertThat(progress).isSorted();
    assertThat(progress.get(progress.size() - 1)).isEqualTo(model.bytes());
  }

  @ParameterizedTest
  @ValueSource(strings = {"7b", "1,2,3", "100,1,3,1,64", "64,1,4,3,64", "64,0,4,4,64", ""})
  @DisplayName("a shape that cannot be is refused in one sentence")
  void refusesShapes(String shape) {
    assertThatThrownBy(() -> SyntheticShape.parse(shape))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageMatching(".*; (expected|heads) .*\\.");
  }

  private static long parameters(SyntheticShape shape) {
    long dim = shape.embedding();
    long layer =
        2 * dim * dim + 2 * dim * shape.keyValue() + 3 * dim * shape.feedForward() + 2 * dim;
    return shape.layers() * layer + dim + dim * shape.vocabulary() * (shape.tied() ? 1 : 2);
  }

  private static TensorType typeOf(ModelSpec model, String tensor) {
    return model.tensor(tensor).orElseThrow().type();
  }

  private static ModelFile read(Path file) {
    return ModelFile.read(file, EnumSet.allOf(TensorType.class));
  }

  private Path write(String name, SyntheticShape shape, String quantization, long seed) {
    Path file = directory.resolve(name + ".gguf");
    new SyntheticModel(shape, Quantization.parse(quantization), seed, "synthetic")
        .write(file, written -> {});
    return file;
  }
}
