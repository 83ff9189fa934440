package dev.cairn.device;

import java.nio.ByteBuffer;

/** The native functions of {@code libcairn_cuda}. */
final class CudaBinding implements Binding {
  @Override
  public native int probe(ByteBuffer answer, byte[] instructionSet);

  @Override
  public native int readRate(ByteBuffer answer, int threads);

  @Override
  public native int open(
      ByteBuffer answer,
      byte[] path,
      int[] dimensions,
      float[] numbers,
      long[] file,
      int[] config,
      byte[] instructionSet,
      LoadProgress progress);

  @Override
  public native int openSlot(
      long handle,
      ByteBuffer answer,
      int slot,
      int[] tokens,
      int[] numbers,
      float[] sampling,
      long seed,
      int[] biasTokens,
      float[] biases);

  @Override
  public native int freeSlot(long handle, ByteBuffer answer, int slot);

  @Override
  public native int submit(long handle, ByteBuffer answer, ByteBuffer step);

  @Override
  public native int await(long handle, ByteBuffer result);

  @Override
  public native int stats(long handle, ByteBuffer answer);

  @Override
  public native int shutDown(long handle, ByteBuffer answer);

  @Override
  public native void destroy(long handle);
}
