package dev.cairn.model.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cairn.model.ModelException;
import dev.cairn.model.TensorType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class GgufFileTest {
  private static final int F32 = TensorType.F32.id();

  @TempDir Path folder;

  private GgufFile read(GgufWriter writer) {
    return GgufFile.read(writer.write(folder.resolve("test.gguf")));
  }

  private static GgufWriter file() {
    return new GgufWriter();
  }

  @Test
  @DisplayName("keys of every type and tensors are read where they lie")
  void readsKeysAndTensors() {
    GgufFile gguf =
        read(
            file()
                .string("s", "text é")
                .uint32("u", 0xFFFF_FFFFL)
                .uint64("long", 7)
                .float32("f", 1.5f)
                .bool("b", true)
                .strings("names", List.of("x", "", "yy"))
                .int32s("ints", 1, -2)
                .float32s("floats", 0.5f, -1f)
                .tensor("a", TensorType.F32, 3, 2)
                .tensor("q", TensorType.Q8_0, 64, 3));
    GgufMetadata metadata = gguf.metadata();
    assertThat(metadata.string("s")).contains("text é");
    assertThat(metadata.integer("long", 0, 9)).hasValue(7);
    assertThat(metadata.real("f")).contains(1.5f);
    assertThat(metadata.bool("b")).contains(true);
    assertThat(metadata.strings("names")).contains(List.of("x", "", "yy"));
    assertThat(metadata.integers("ints").orElseThrow()).containsExactly(1, -2);
    assertThat(metadata.reals("floats").orElseThrow()).containsExactly(0.5f, -1f);
    assertThat(metadata.token("u", 10)).isEmpty();
    assertThat(gguf.dataOffset() % 32).isZero();
    assertThat(gguf.tensor("a").orElseThrow().bytes()).isEqualTo(24);
    assertThat(gguf.tensor("a").orElseThrow().offset()).isEqualTo(gguf.dataOffset());
    assertThat(gguf.tensor("q").orElseThrow().offset()).isEqualTo(gguf.dataOffset() + 32);
    assertThat(gguf.tensor("q").orElseThrow().bytes()).isEqualTo(204);
    assertThat(gguf.tensor("q").orElseThrow().shape()).containsExactly(64L, 3L);
  }

  @Test
  @DisplayName("version 2, which has the same layout, and another alignment are read")
  void readsVersion2() {
    GgufFile gguf = read(file().version(2).alignment(64).tensor("a", TensorType.F32, 3));
    assertThat(gguf.version()).isEqualTo(2);
    assertThat(gguf.dataOffset() % 64).isZero();
  }

  static Stream<Arguments> refused() {
    byte[] data = new byte[64];
    return Stream.of(
        Arguments.of("big-endian", file().version(0x0300_0000)),
        Arguments.of("version 1", file().version(1)),
        Arguments.of("version 4", file().version(4)),
        Arguments.of("key k occurs twice", file().bool("k", true).uint32("k", 1)),
        Arguments.of(
            "tensor t occurs twice",
            file().tensor("t", TensorType.F32, 1).tensor("t", TensorType.F32, 1)),
        Arguments.of("an empty name", file().string("", "value")),
        Arguments.of("unknown value type 13", file().raw("k", 13, data)),
        Arguments.of("unknown value type 4294967295", file().raw("k", -1, data)),
        Arguments.of("k is the boolean 2", file().raw("k", 7, new byte[] {2})),
        Arguments.of("nests arrays deeper", file().array("k", 9, 1, nested())),
        Arguments.of("power of two", file().alignment(48)),
        Arguments.of("general.alignment is 4,", file().alignment(4)),
        Arguments.of("general.alignment is STRING", file().string("general.alignment", "32")),
        Arguments.of("type number 16", file().rawTensor("t", 16, 0, data, 32)),
        Arguments.of("type number 4294967295", file().rawTensor("t", -1, 0, data, 32)),
        Arguments.of("needs a multiple of 32", file().rawTensor("t", 8, 0, data, 33, 32)),
        Arguments.of("is at offset 16", file().rawTensor("t", F32, 16, data, 4)),
        Arguments.of("has 5 dimensions", file().rawTensor("t", F32, 0, data, 1, 1, 1, 1, 1)),
        Arguments.of("has 0 dimensions", file().rawTensor("t", F32, 0, data)),
        Arguments.of(
            "a and b overlap",
            file().tensor("a", TensorType.F32, 16).rawTensor("b", F32, 32, data, 16)));
  }

  /** An array in an array in an array of one byte. */
  private static byte[] nested() {
    GgufWriter inner = file().array("k", 9, 1, new byte[] {9, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0});
    byte[] header = inner.header();
    return Arrays.copyOfRange(header, 24 + 8 + 1 + 4, header.length);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("refused")
  @DisplayName("a header that breaks the format is refused with file and reason")
  void refuses(String message, GgufWriter writer) {
    assertThatThrownBy(() -> read(writer))
        .isInstanceOf(ModelException.class)
        .hasMessageContaining(message)
        .hasMessageContaining("test.gguf");
  }

  @Test
  @DisplayName("limits of the caller's hold")
  void keepsLimits() {
    Path path =
        file()
            .strings("k", List.of("abc", "de"))
            .bool("l", true)
            .tensor("t", TensorType.F32, 1)
            .tensor("u", TensorType.F32, 1)
            .write(folder.resolve("test.gguf"));
    refuses(path, new GgufLimits(1, 9, 9, 9, 9, 9, 9_999), "number of tensors is 2");
    refuses(path, new GgufLimits(9, 1, 9, 9, 9, 9, 9_999), "number of metadata keys is 2");
    refuses(path, new GgufLimits(9, 9, 0, 9, 9, 9, 9_999), "metadata key 0 is 1");
    refuses(path, new GgufLimits(9, 9, 9, 2, 9, 9, 9_999), "length of k is 3");
    refuses(path, new GgufLimits(9, 9, 9, 9, 1, 9, 9_999), "length of k is 2");
    refuses(path, new GgufLimits(9, 9, 9, 9, 9, 0, 9_999), "nests arrays");
    refuses(path, new GgufLimits(9, 9, 9, 9, 9, 9, 40), "longer than the 40 bytes");
  }

  private static void refuses(Path path, GgufLimits limits, String message) {
    assertThatThrownBy(() -> GgufFile.read(path, limits))
        .isInstanceOf(ModelException.class)
        .hasMessageContaining(message);
  }

  @Test
  @DisplayName("what a message quotes from the file is short and has no control characters")
  void cleansMessages() {
    String key = "a\nWARN forged line\u001b[31m";
    assertThatThrownBy(() -> read(file().bool(key, true).bool(key, true)))
        .isInstanceOf(ModelException.class)
        .hasMessageContaining("key a?WARN forged line?[31m occurs twice");
    GgufMetadata metadata = read(file().string("k", "x".repeat(100_000))).metadata();
    assertThat(metadata.refuse(metadata.string("k").orElseThrow()).getMessage())
        .hasSizeLessThan(1_200);
  }

  @Test
  @DisplayName("what is no GGUF file, no file or a folder is refused")
  void refusesOtherFiles() throws IOException {
    Path other = Files.writeString(folder.resolve("other.gguf"), "PK and something else, longer");
    refuses(other, GgufLimits.DEFAULT, "no GGUF file");
    refuses(Files.write(folder.resolve("e"), new byte[0]), GgufLimits.DEFAULT, "ends at byte 0");
    refuses(folder.resolve("none"), GgufLimits.DEFAULT, "no such file");
    refuses(folder, GgufLimits.DEFAULT, "no such file");
  }
}
