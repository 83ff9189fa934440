package dev.cairn.device;

import java.nio.ByteBuffer;

/**
 * The native functions of {@code libcairn_cpu}. Each returns a status, 0 for success; an answer
 * buffer holds an int64, the length of a message and its UTF-8 bytes, in native order. What the
 * arrays hold, in order, is written at the functions' native side.
 */
final class CpuBinding {
  private CpuBinding() {}

  static native int probe(ByteBuffer answer, byte[] instructionSet);

  static native int readRate(ByteBuffer answer, int threads);

  static native int open(
      ByteBuffer answer,
      byte[] path,
      int[] dimensions,
      float[] numbers,
      long[] file,
      int[] config,
      byte[] instructionSet,
      LoadProgress progress);

  static native int openSlot(
      long handle,
      ByteBuffer answer,
      int slot,
      int[] tokens,
      int[] numbers,
      float[] sampling,
      long seed,
      int[] biasTokens,
      float[] biases);

  static native int freeSlot(long handle, ByteBuffer answer, int slot);

  static native int submit(long handle, ByteBuffer answer, ByteBuffer step);

  static native int await(long handle, ByteBuffer result);

  static native int stats(long handle, ByteBuffer answer);

  static native int shutDown(long handle, ByteBuffer answer);

  static native void destroy(long handle);
}
