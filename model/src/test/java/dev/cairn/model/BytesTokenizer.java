package dev.cairn.model;

import java.util.OptionalInt;

/** A vocabulary of given byte strings, for tests that only need the way back to text. */
record BytesTokenizer(byte[][] vocabulary) implements Tokenizer {
  @Override
  public int[] encode(String text, boolean addSpecial, boolean parseSpecial) {
    throw new UnsupportedOperationException("this vocabulary only decodes");
  }

  @Override
  public byte[] bytes(int token) {
    return vocabulary[token];
  }

  @Override
  public String piece(int token) {
    return Integer.toString(token);
  }

  @Override
  public int size() {
    return vocabulary.length;
  }

  @Override
  public OptionalInt beginOfSequence() {
    return OptionalInt.empty();
  }

  @Override
  public boolean endsGeneration(int token) {
    return false;
  }

  @Override
  public boolean isControl(int token) {
    return vocabulary[token].length == 0;
  }
}
