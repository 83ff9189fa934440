package dev.cairn.device;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** Reads what native functions write into an answer buffer. */
final class NativeAnswer {
  static final int BYTES = 4096;

  private static final DeviceException.Kind[] KINDS = {
    null,
    DeviceException.Kind.UNAVAILABLE,
    DeviceException.Kind.MODEL,
    DeviceException.Kind.MEMORY,
    DeviceException.Kind.MISUSE,
    DeviceException.Kind.LOST,
    DeviceException.Kind.CLOSED
  };

  private NativeAnswer() {}

  static ByteBuffer allocate(int bytes) {
    return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
  }

  static String message(ByteBuffer answer) {
    byte[] bytes = new byte[answer.getInt(Long.BYTES)];
    answer.get(Long.BYTES + Integer.BYTES, bytes);
    return new String(bytes, StandardCharsets.UTF_8);
  }

  /** Throws what a status other than 0 stands for. */
  static void check(int status, ByteBuffer answer) {
    if (status != 0) {
      throw new DeviceException(KINDS[status], message(answer));
    }
  }
}
