package dev.cairn.actors;

import dev.cairn.model.Tokenizer;
import dev.cairn.scheduling.SimulatedDevice;
import java.nio.charset.StandardCharsets;
import java.util.OptionalInt;

/** Spells token 27 as "<27>", so that a text tells its tokens. */
public final class TestTokenizer implements Tokenizer {
  @Override
  public int[] encode(String text, boolean addSpecial, boolean parseSpecial) {
    return text.chars().map(c -> 1 + c % (size() - 1)).toArray();
  }

  @Override
  public byte[] bytes(int token) {
    return isControl(token) ? new byte[0] : piece(token).getBytes(StandardCharsets.UTF_8);
  }

  @Override
  public String piece(int token) {
    return "<" + token + ">";
  }

  @Override
  public int size() {
    return SimulatedDevice.VOCABULARY;
  }

  @Override
  public OptionalInt beginOfSequence() {
    return OptionalInt.empty();
  }

  @Override
  public boolean endsGeneration(int token) {
    return token == SimulatedDevice.END;
  }

  @Override
  public boolean isControl(int token) {
    return token == SimulatedDevice.END;
  }
}
