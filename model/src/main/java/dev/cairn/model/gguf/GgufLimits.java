package dev.cairn.model.gguf;

/**
 * What a GGUF header may ask for at most. A header is a stranger's data: every length in it is held
 * against these limits and against the file's own length before anything is allocated.
 *
 * @param maxTensors tensors of one file
 * @param maxKeys metadata keys of one file
 * @param maxKeyBytes UTF-8 bytes of a key or a tensor's name
 * @param maxStringBytes UTF-8 bytes of one string value
 * @param maxArrayLength elements of one array
 * @param maxArrayDepth arrays inside arrays; 1 allows none
 * @param maxHeaderBytes everything before the tensor data; bounds the memory that reading takes
 */
public record GgufLimits(
    int maxTensors,
    int maxKeys,
    int maxKeyBytes,
    int maxStringBytes,
    int maxArrayLength,
    int maxArrayDepth,
    int maxHeaderBytes) {
  /** Several times what the largest published models need. */
  public static final GgufLimits DEFAULT =
      new GgufLimits(65_536, 65_536, 1_024, 4 << 20, 4 << 20, 2, 64 << 20);
}
