package dev.cairn.model.gguf;

import dev.cairn.model.TensorInfo;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * The header of a GGUF file, checked: every tensor lies inside the file and overlaps no other.
 *
 * @param file where it was read
 * @param fileBytes length of the file
 * @param modifiedMillis modification time, milliseconds since the epoch
 * @param version of the format, 2 or 3
 * @param dataOffset bytes from the start of the file to the tensor data
 * @param metadata keys and values
 * @param tensors in the order of the file
 */
public record GgufFile(
    Path file,
    long fileBytes,
    long modifiedMillis,
    int version,
    long dataOffset,
    GgufMetadata metadata,
    List<TensorInfo> tensors) {
  public GgufFile {
    tensors = List.copyOf(tensors);
  }

  /**
   * Reads and checks a header with the default limits.
   *
   * @throws dev.cairn.model.ModelException when the file cannot be read or used
   */
  public static GgufFile read(Path file) {
    return read(file, GgufLimits.DEFAULT);
  }

  /** As {@link #read(Path)} with limits of the caller's. */
  public static GgufFile read(Path file, GgufLimits limits) {
    return new GgufReader(limits).read(file);
  }

  /** The tensor of this name. */
  public Optional<TensorInfo> tensor(String name) {
    return tensors.stream().filter(t -> t.name().equals(name)).findFirst();
  }
}
