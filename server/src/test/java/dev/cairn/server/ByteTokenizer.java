package dev.cairn.server;

import dev.cairn.model.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.util.OptionalInt;

/**
 * One token for each byte: 0 begins a sequence, 1 ends it, byte b is token b + 2. Token 258 is a
 * second "a", for spellings that collide.
 */
public final class ByteTokenizer implements Tokenizer {
  public static final int BEGIN = 0;
  public static final int END = 1;
  public static final int SECOND_A = 258;

  @Override
  public int[] encode(String text, boolean addSpecial, boolean parseSpecial) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    int first = addSpecial ? 1 : 0;
    int[] tokens = new int[bytes.length + first];
    for (int i = 0; i < bytes.length; i++) {
      tokens[first + i] = (bytes[i] & 0xff) + 2;
    }
    return tokens;
  }

  @Override
  public byte[] bytes(int token) {
    if (isControl(token)) {
      return new byte[0];
    }
    return new byte[] {(byte) (token == SECOND_A ? 'a' : token - 2)};
  }

  @Override
  public String piece(int token) {
    return switch (token) {
      case BEGIN -> "<s>";
      case END -> "</s>";
      default -> String.format("<0x%02X>", bytes(token)[0] & 0xff);
    };
  }

  @Override
  public int size() {
    return 259;
  }

  @Override
  public OptionalInt beginOfSequence() {
    return OptionalInt.of(BEGIN);
  }

  @Override
  public OptionalInt endOfSequence() {
    return OptionalInt.of(END);
  }

  @Override
  public boolean endsGeneration(int token) {
    return token == END;
  }

  @Override
  public boolean isControl(int token) {
    return token == BEGIN || token == END;
  }
}
