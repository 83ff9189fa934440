package dev.cairn.device;

/** Told how far a model's load is, on the thread that opens the device. */
@FunctionalInterface
public interface LoadProgress {
  LoadProgress NONE = (done, total) -> {};

  /**
   * Called after each tensor. An exception stops the load and reaches the caller of {@code open}.
   *
   * @param bytesDone bytes of weights read so far
   * @param bytesTotal bytes to read
   */
  void loaded(long bytesDone, long bytesTotal);
}
