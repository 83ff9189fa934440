package dev.cairn.model.tokenizer;

import dev.cairn.model.Tokenizer;
import dev.cairn.model.WellFormed;
import java.util.Objects;
import java.util.OptionalInt;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What all tokenizers share: special tokens in the text and at its ends, and the way back. */
abstract class VocabularyTokenizer implements Tokenizer {
  /** The bytes that a token with text stands for. */
  interface Spelling {
    byte[] bytes(Vocabulary vocabulary, int id);
  }

  private static final Logger LOG = LoggerFactory.getLogger(VocabularyTokenizer.class);
  private static final byte[] NOTHING = {};

  private final Vocabulary vocabulary;
  private final SpecialTokens specialTokens;
  private final byte[][] bytes;
  private final OptionalInt begin;
  private final OptionalInt end;
  private final boolean addBegin;
  private final boolean addEnd;

  VocabularyTokenizer(
      Vocabulary vocabulary, OptionalInt begin, boolean beginsByDefault, Spelling spelling) {
    this.vocabulary = vocabulary;
    this.specialTokens = new SpecialTokens(vocabulary);
    this.begin = begin;
    this.end = vocabulary.special("eos_token_id");
    this.addBegin = addSpecial("add_bos_token", beginsByDefault, begin);
    this.addEnd = addSpecial("add_eos_token", false, end);
    this.bytes = new byte[vocabulary.size()][];
    for (int id = 0; id < bytes.length; id++) {
      bytes[id] = isControl(id) ? NOTHING : spelling.bytes(vocabulary, id);
    }
  }

  private boolean addSpecial(String key, boolean otherwise, OptionalInt token) {
    boolean asked = vocabulary.flag(key, otherwise);
    if (asked && token.isEmpty()) {
      LOG.warn("tokenizer.ggml.{} is true, but the model names no such token: none is added", key);
    }
    return asked && token.isPresent();
  }

  /**
   * Encodes text without special tokens.
   *
   * @param text not empty, without unpaired surrogates
   * @param afterSpecial whether it begins the input or follows a special token
   */
  abstract void encodeText(String text, boolean afterSpecial, Tokens tokens);

  Vocabulary vocabulary() {
    return vocabulary;
  }

  @Override
  public int[] encode(String text, boolean addSpecial, boolean parseSpecial) {
    String clean = WellFormed.of(text);
    Tokens tokens = new Tokens();
    if (addSpecial && addBegin) {
      tokens.add(begin.getAsInt());
    }
    boolean afterSpecial = true;
    for (SpecialTokens.Part part : specialTokens.split(clean, parseSpecial)) {
      if (part.token() >= 0) {
        tokens.add(part.token());
      } else {
        encodeText(clean.substring(part.start(), part.end()), afterSpecial, tokens);
      }
      afterSpecial = part.token() >= 0;
    }
    if (addSpecial && addEnd) {
      tokens.add(end.getAsInt());
    }
    return tokens.toArray();
  }

  @Override
  public byte[] bytes(int token) {
    return bytes[Objects.checkIndex(token, bytes.length)].clone();
  }

  @Override
  public String piece(int token) {
    return vocabulary.piece(Objects.checkIndex(token, bytes.length));
  }

  @Override
  public int size() {
    return vocabulary.size();
  }

  @Override
  public OptionalInt beginOfSequence() {
    return begin;
  }

  @Override
  public OptionalInt endOfSequence() {
    return end;
  }

  @Override
  public boolean endsGeneration(int token) {
    return vocabulary.endsGeneration(token);
  }

  @Override
  public boolean isControl(int token) {
    TokenKind kind = vocabulary.kind(Objects.checkIndex(token, vocabulary.size()));
    return kind == TokenKind.CONTROL || kind == TokenKind.UNKNOWN;
  }
}
