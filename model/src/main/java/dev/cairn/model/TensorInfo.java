package dev.cairn.model;

import java.util.List;

/**
 * One tensor of a validated GGUF file.
 *
 * @param name its name in the file, for example {@code blk.0.attn_q.weight}
 * @param type element type
 * @param shape element counts, fastest dimension first as GGUF has them: a matrix that maps {@code
 *     in} inputs to {@code out} outputs is {@code [in, out]}
 * @param offset bytes from the start of the file to the first element, inside the file
 * @param bytes length of the data, inside the file
 */
public record TensorInfo(String name, TensorType type, List<Long> shape, long offset, long bytes) {
  public TensorInfo {
    shape = List.copyOf(shape);
  }
}
