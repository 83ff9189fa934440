package dev.cairn.model.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;

import dev.cairn.model.LlamaFile;
import dev.cairn.model.ModelException;
import dev.cairn.model.ModelFile;
import dev.cairn.model.TensorType;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.EnumSet;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Broken copies of a small model. Replay the flipped bits with {@code -Dcairn.seed=N}. */
class GgufFuzzTest {
  private static final Set<TensorType> TYPES = EnumSet.allOf(TensorType.class);

  @TempDir Path folder;

  private final GgufWriter writer = new LlamaFile(TensorType.Q8_0).writer();

  @Test
  @DisplayName("a model cut off at any byte of its header is refused")
  void refusesTruncatedFiles() throws IOException {
    Path file = writer.write(folder.resolve("cut.gguf"));
    assertThat(ModelFile.read(file, TYPES).spec().layerCount()).isEqualTo(2);
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      for (int length = writer.header().length; length >= 0; length--) {
        channel.truncate(length);
        assertThatThrownBy(() -> ModelFile.read(file, TYPES)).isInstanceOf(ModelException.class);
      }
    }
  }

  @Test
  @DisplayName("a flipped bit in the header gives a model or a ModelException, nothing else")
  void survivesFlippedBits() throws IOException {
    long seed = Long.getLong("cairn.seed", System.nanoTime());
    Random random = new Random(seed);
    byte[] bytes = writer.bytes();
    Path path = writer.write(folder.resolve("flipped.gguf"));
    int refused = 0;
    try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
      for (int at = 0; at < writer.header().length; at++) {
        int bit = random.nextInt(8);
        write(file, at, bytes[at] ^ 1 << bit);
        refused += isRefused(path, "seed " + seed + ": bit " + bit + " of byte " + at) ? 1 : 0;
        write(file, at, bytes[at]);
      }
    }
    assertThat(refused).as("seed " + seed).isGreaterThan(1_000);
    assertThat(ModelFile.read(path, TYPES).spec().layerCount()).isEqualTo(2);
  }

  private static void write(RandomAccessFile file, int at, int value) throws IOException {
    file.seek(at);
    file.write(value);
  }

  private static boolean isRefused(Path file, String what) {
    try {
      ModelFile.read(file, TYPES);
      return false;
    } catch (ModelException e) {
      return true;
    } catch (RuntimeException | Error e) {
      return fail(what, e);
    }
  }
}
