package dev.cairn.model.tokenizer;

/** What a vocabulary says a token is ({@code tokenizer.ggml.token_type}, numbers from 1). */
enum TokenKind {
  NORMAL,
  UNKNOWN,
  CONTROL,
  USER_DEFINED,
  UNUSED,
  BYTE;

  private static final TokenKind[] BY_ID = values();

  /** Numbers that the format does not define count as unused, as llama.cpp has it. */
  static TokenKind byId(int id) {
    return id >= 1 && id <= BY_ID.length ? BY_ID[id - 1] : UNUSED;
  }
}
