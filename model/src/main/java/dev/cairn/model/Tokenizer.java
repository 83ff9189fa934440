package dev.cairn.model;

import java.util.OptionalInt;

/**
 * Text to token ids and back. Implementations are immutable and safe for any number of threads.
 *
 * <p>The text of a token list is the concatenation of {@link #bytes(int)} of its tokens, decoded as
 * UTF-8 with U+FFFD for malformed input: the text of a prefix of a list is a prefix of the text of
 * the list, up to an unfinished character at its end. Nothing is stripped or cleaned up: where a
 * SentencePiece vocabulary put a space before the text, the tokens of the text spell that space,
 * and since a completion continues its prompt, that is what it needs.
 */
public interface Tokenizer {
  /**
   * Encodes text.
   *
   * @param text any string
   * @param addSpecial adds the beginning and end tokens that the model's metadata asks for
   * @param parseSpecial reads the spelling of control tokens in the text as these tokens
   */
  int[] encode(String text, boolean addSpecial, boolean parseSpecial);

  /** The UTF-8 bytes that this token adds to a text; none for control tokens. */
  byte[] bytes(int token);

  /** The token as the vocabulary spells it, control tokens included. */
  String piece(int token);

  /** Number of ids; valid ids are 0 to this, exclusive. */
  int size();

  /** Token that begins a sequence. */
  OptionalInt beginOfSequence();

  /** Token that ends a sequence, as the metadata names it. */
  default OptionalInt endOfSequence() {
    return OptionalInt.empty();
  }

  /** Whether a model that emits this token has finished (end of sequence, end of turn). */
  boolean endsGeneration(int token);

  /** Whether the token is a control token, which has no text. */
  boolean isControl(int token);
}
