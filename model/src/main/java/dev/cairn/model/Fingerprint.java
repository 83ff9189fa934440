package dev.cairn.model;

import dev.cairn.model.gguf.GgufFile;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * Identifies a model file without reading all of it: SHA-256 over the header, the file's length and
 * the first, middle and last 4 KiB of every tensor.
 */
final class Fingerprint {
  private static final int SAMPLE_BYTES = 4 << 10;
  private static final int CHUNK_BYTES = 64 << 10;

  private final FileChannel channel;
  private final MessageDigest digest;
  private final ByteBuffer buffer = ByteBuffer.allocate(CHUNK_BYTES);

  private Fingerprint(FileChannel channel) {
    this.channel = channel;
    try {
      this.digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  static String of(GgufFile gguf) {
    try (FileChannel channel = FileChannel.open(gguf.file(), StandardOpenOption.READ)) {
      Fingerprint fingerprint = new Fingerprint(channel);
      fingerprint.add(0, Math.min(gguf.dataOffset(), gguf.fileBytes()));
      fingerprint.digest.update(ByteBuffer.allocate(Long.BYTES).putLong(0, gguf.fileBytes()));
      for (TensorInfo tensor : gguf.tensors()) {
        fingerprint.sample(tensor.offset(), tensor.bytes());
      }
      return HexFormat.of().formatHex(fingerprint.digest.digest());
    } catch (IOException e) {
      throw new ModelException("cannot read the model file " + gguf.file() + ": " + e, e);
    }
  }

  private void sample(long offset, long bytes) throws IOException {
    long length = Math.min(bytes, SAMPLE_BYTES);
    add(offset, length);
    add(offset + (bytes - length) / 2, length);
    add(offset + bytes - length, length);
  }

  private void add(long offset, long length) throws IOException {
    long at = offset;
    long end = offset + length;
    while (at < end) {
      buffer.clear().limit((int) Math.min(CHUNK_BYTES, end - at));
      int read = channel.read(buffer, at);
      if (read < 0) {
        throw new EOFException("the file became shorter while it was read");
      }
      digest.update(buffer.flip());
      at += read;
    }
  }
}
