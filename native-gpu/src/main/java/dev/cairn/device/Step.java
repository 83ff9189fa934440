package dev.cairn.device;

import java.util.List;

/**
 * One pass of the model over a mix of prefill chunks and decode rows.
 *
 * @param id number chosen by the caller, returned with the result
 * @param chunks at least one; together at most {@link DeviceConfig#maxBatchTokens()} tokens
 */
public record Step(long id, List<Chunk> chunks) {
  public Step {
    chunks = List.copyOf(chunks);
  }
}
