package dev.cairn.model.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cairn.model.LlamaFile;
import dev.cairn.model.ModelException;
import dev.cairn.model.ModelFile;
import dev.cairn.model.TensorType;
import dev.cairn.model.tokenizer.Tokenizers;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** One test for each way in which a model file has broken another program. */
class GgufCveTest {
  private static final int F32 = TensorType.F32.id();

  @TempDir Path folder;

  private void refused(GgufWriter writer, String message) {
    refused(writer.bytes(), message);
  }

  private void refused(byte[] bytes, String message) {
    assertThatThrownBy(
            () -> {
              GgufFile gguf = GgufFile.read(Files.write(folder.resolve("bad.gguf"), bytes));
              Tokenizers.of(gguf.metadata());
            })
        .isInstanceOf(ModelException.class)
        .hasMessageContaining("bad.gguf")
        .hasMessageContaining(message);
  }

  private static GgufWriter file() {
    return new GgufWriter();
  }

  private static byte[] int64(long value) {
    return ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(value).array();
  }

  @ParameterizedTest
  @ValueSource(longs = {Long.MIN_VALUE, -1, Long.MAX_VALUE, 0x2000_0000_0000_0001L, 4_000_000})
  @DisplayName("CVE-2024-21825 an array length that overflows or exceeds the file is refused")
  void refusesArrayLengths(long length) {
    for (GgufType type : GgufType.values()) {
      refused(file().array("k", type.id(), length, new byte[16]), "the length of k is");
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {Long.MIN_VALUE, -1, Long.MAX_VALUE, 0x0155_5555_5555_5556L, 60_000})
  @DisplayName("CVE-2024-21836 a tensor count that overflows or exceeds the file is refused")
  void refusesTensorCounts(long count) {
    refused(file().tensor("t", TensorType.F32, 4).claimTensors(count), "the number of tensors is");
  }

  @ParameterizedTest
  @ValueSource(longs = {Long.MIN_VALUE, -1, Long.MAX_VALUE, 4_000_000})
  @DisplayName("CVE-2024-23496 a string length that overflows or exceeds the file is refused")
  void refusesStringLengths(long length) {
    refused(file().raw("k", 8, int64(length)), "the length of k is");
    byte[] key = file().bool("key", true).bytes();
    System.arraycopy(int64(length), 0, key, 24, 8);
    refused(key, "the length of metadata key 0 is");
    byte[] tensor = file().tensor("t", TensorType.F32, 4).bytes();
    System.arraycopy(int64(length), 0, tensor, 24, 8);
    refused(tensor, "the length of tensor 0 is");
  }

  @ParameterizedTest
  @ValueSource(longs = {Long.MIN_VALUE, -1, Long.MAX_VALUE, 0x0555_5555_5555_5556L, 60_000})
  @DisplayName("CVE-2024-23605 a key count that overflows or exceeds the file is refused")
  void refusesKeyCounts(long count) {
    refused(file().bool("k", true).claimKeys(count), "the number of metadata keys is");
  }

  @Test
  @DisplayName("CVE-2025-53630 CVE-2026-27940 tensor sizes whose sum or padding overflows")
  void refusesSizeSums() {
    byte[] data = new byte[64];
    long half = 1L << 60;
    refused(
        file().rawTensor("a", F32, 0, data, half).rawTensor("b", F32, 64, data, half),
        "the tensor a has " + (half * 4) + " bytes");
    refused(file().rawTensor("a", F32, 0, data, Long.MAX_VALUE / 4), "but the file ends at byte");
    refused(file().rawTensor("a", F32, 0, data, Long.MAX_VALUE), "more than 63 bits");
  }

  @Test
  @DisplayName("CVE-2024-21802 dimensions that are zero, negative, too many or overflow")
  void refusesDimensions() {
    byte[] data = new byte[64];
    refused(file().rawTensor("t", F32, 0, data, 0), "has 0 as dimension 0");
    refused(file().rawTensor("t", F32, 0, data, 4, 0), "has 0 as dimension 1");
    refused(file().rawTensor("t", F32, 0, data, -4), "as dimension 0");
    refused(file().rawTensor("t", F32, 0, data, 1L << 32, 1L << 32), "as dimension 1");
    refused(file().rawTensor("t", F32, 0, data, 3L << 31, 3L << 31), "as dimension 1");
    refused(
        file().rawTensor("t", F32, 0, data, 1L << 16, 1L << 16, 1L << 16, 1L << 16),
        "as dimension 3");
    byte[] manyDimensions = file().rawTensor("t", F32, 0, data, 4).bytes();
    manyDimensions[24 + 8 + 1 + 3] = (byte) 0x80;
    refused(manyDimensions, "has 2147483649 dimensions");
  }

  @Test
  @DisplayName("CVE-2024-32878 a file that ends inside an array of strings is refused")
  void refusesUnfinishedStrings() {
    byte[] bytes = file().strings("k", List.of("abcdefgh", "ijklmnop", "qrstuvwx")).bytes();
    for (int end = bytes.length - 40; end < bytes.length; end++) {
      refused(Arrays.copyOf(bytes, end), "bad.gguf: ");
    }
  }

  @Test
  @DisplayName("CVE-2024-41130 empty arrays, strings and vocabularies stand for nothing, not null")
  void handlesNothing() {
    GgufFile gguf =
        GgufFile.read(
            file().strings("s", List.of()).int32s("i").string("t", "").write(folder.resolve("e")));
    assertThat(gguf.metadata().strings("s").orElseThrow()).isEmpty();
    assertThat(gguf.metadata().integers("i").orElseThrow()).isEmpty();
    assertThat(gguf.metadata().string("t")).contains("");
    refused(
        file().string("tokenizer.ggml.model", "gpt2").strings("tokenizer.ggml.tokens", List.of()),
        "has 0 tokens");
    refused(file().string("tokenizer.ggml.model", "gpt2"), "tokenizer.ggml.tokens is missing");
  }

  @Test
  @DisplayName("CVE-2025-49847 token lengths and ids keep their sign")
  void keepsSigns() {
    refused(file().array("tokenizer.ggml.tokens", 8, 1, int64(0x8000_0000L)), "is 2147483648");
    refused(file().array("tokenizer.ggml.tokens", 8, 1, int64(0xFFFF_FFFFL)), "is 4294967295");
    LlamaFile negative =
        new LlamaFile(TensorType.F32).number("tokenizer.ggml.bos_token_id", 0x8000_0000L);
    refused(negative.writer(), "bos_token_id is 2147483648");
    LlamaFile outside = new LlamaFile(TensorType.F32).number("tokenizer.ggml.eos_token_id", 260);
    refused(outside.writer(), "eos_token_id is 260");
  }

  @Test
  @DisplayName("CVE-2026-43629 an offset that wraps round with a length is refused")
  void refusesWrappingOffsets() {
    byte[] data = new byte[64];
    for (long offset : new long[] {-32, Long.MIN_VALUE, Long.MAX_VALUE - 31, 1L << 40}) {
      refused(file().rawTensor("t", F32, offset, data, 16), "the tensor t ");
    }
  }

  @Test
  @DisplayName("CVE-2024-34359 a chat template is handed on as text and never run on reading")
  void carriesTemplates() {
    String template = "{{ ''.__class__.__mro__[1].__subclasses__() }}{% for x in x %}";
    Path file =
        new LlamaFile(TensorType.F32)
            .string("tokenizer.chat_template", template)
            .writer()
            .write(folder.resolve("template.gguf"));
    assertThat(ModelFile.read(file, Set.of(TensorType.F32)).chatTemplate()).contains(template);
  }

  @Test
  @DisplayName("CVE-2025-0317 CVE-2024-8063 an alignment of zero divides nothing")
  void refusesZeroAlignment() {
    refused(file().alignment(0).tensor("t", TensorType.F32, 4), "general.alignment is 0");
  }

  @Test
  @DisplayName("CVE-2024-12055 nothing is read behind the end of the file")
  void refusesDataBehindTheEnd() {
    byte[] bytes = file().tensor("t", TensorType.F32, 16).bytes();
    refused(Arrays.copyOf(bytes, bytes.length - 1), "but the file ends at byte");
    refused(file().rawTensor("t", F32, 64, new byte[64], 16), "but the file ends at byte");
    refused(file().rawTensor("t", F32, 0, new byte[60], 16), "but the file ends at byte");
  }

  @Test
  @DisplayName("CVE-2026-53923 sizes above 32 bits are neither truncated nor believed")
  void keepsLargeSizes() throws IOException {
    byte[] header = file().rawTensor("t", F32, 0, new byte[0], 65_536, 65_536).bytes();
    refused(header, "has 17179869184 bytes");
    Path sparse = Files.write(folder.resolve("sparse.gguf"), header);
    try (RandomAccessFile file = new RandomAccessFile(sparse.toFile(), "rw")) {
      file.setLength((1L << 34) + 4_096);
    }
    GgufFile gguf = GgufFile.read(sparse);
    assertThat(gguf.tensor("t").orElseThrow().bytes()).isEqualTo(1L << 34);
  }
}
