package dev.cairn.model;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/**
 * Decodes UTF-8 that comes in pieces. All pieces together give what {@code new String(bytes,
 * UTF_8)} gives of the whole, U+FFFD for malformed bytes included.
 */
final class Utf8Stream {
  private static final int MAX_CHARACTER_BYTES = 4;

  private final CharsetDecoder decoder =
      StandardCharsets.UTF_8
          .newDecoder()
          .onMalformedInput(CodingErrorAction.REPLACE)
          .onUnmappableCharacter(CodingErrorAction.REPLACE);
  private ByteBuffer bytes = ByteBuffer.allocate(64);
  private CharBuffer characters = CharBuffer.allocate(64);

  /** Whether no begun character waits for more bytes. */
  boolean isClean() {
    return bytes.position() == 0;
  }

  /** The characters that these bytes complete; valid until the next call. */
  CharSequence decode(byte[] more) {
    int total = bytes.position() + more.length;
    if (total > bytes.capacity()) {
      bytes = ByteBuffer.allocate(total + MAX_CHARACTER_BYTES).put(bytes.flip());
    }
    bytes.put(more);
    return run(false);
  }

  /** What is left of a begun character, as U+FFFD. */
  CharSequence finish() {
    return run(true);
  }

  private CharSequence run(boolean end) {
    if (characters.capacity() < bytes.position()) {
      characters = CharBuffer.allocate(bytes.capacity());
    }
    characters.clear();
    decoder.decode(bytes.flip(), characters, end);
    bytes.compact();
    return characters.flip();
  }
}
