package dev.cairn.device;

import java.nio.ByteBuffer;

/**
 * The native functions of a back end's library. Each returns a status, 0 for success; an answer
 * buffer holds an int64, the length of a message and its UTF-8 bytes, in native order. What the
 * arrays hold, in order, is written at the functions' native side.
 */
interface Binding {
  int probe(ByteBuffer answer, byte[] instructionSet);

  int readRate(ByteBuffer answer, int threads);

  int open(
      ByteBuffer answer,
      byte[] path,
      int[] dimensions,
      float[] numbers,
      long[] file,
      int[] config,
      byte[] instructionSet,
      LoadProgress progress);

  int openSlot(
      long handle,
      ByteBuffer answer,
      int slot,
      int[] tokens,
      int[] numbers,
      float[] sampling,
      long seed,
      int[] biasTokens,
      float[] biases);

  int freeSlot(long handle, ByteBuffer answer, int slot);

  int submit(long handle, ByteBuffer answer, ByteBuffer step);

  int await(long handle, ByteBuffer result);

  int stats(long handle, ByteBuffer answer);

  int shutDown(long handle, ByteBuffer answer);

  void destroy(long handle);
}
