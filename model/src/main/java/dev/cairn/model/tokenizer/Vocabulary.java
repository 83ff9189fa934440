package dev.cairn.model.tokenizer;

import dev.cairn.model.gguf.GgufMetadata;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;

/** The tokens of a model and their roles, as {@code tokenizer.ggml.*} gives them. */
final class Vocabulary {
  private static final String PREFIX = "tokenizer.ggml.";
  private static final int MAX_TOKENS = 4 << 20;

  /** Spellings that end a turn or a document; llama.cpp goes by the same names. */
  private static final Set<String> ENDING_PIECES =
      Set.of(
          "<|eot_id|>",
          "<|im_end|>",
          "<|end|>",
          "<|return|>",
          "<|call|>",
          "<end_of_turn>",
          "<|endoftext|>",
          "</s>",
          "<|eom_id|>",
          "<EOT>",
          "_<EOT>",
          "<|end_of_text|>",
          "<end_of_utterance>",
          "<|fim_pad|>",
          "<fim-pad>",
          "<fim_pad>",
          "<|fim_repo|>",
          "<|repo_name|>",
          "<|file_sep|>",
          "<\uFF5Cend\u2581of\u2581sentence\uFF5C>");

  /** Spellings that are control tokens even where the file types them otherwise. */
  private static final Set<String> CONTROL_PIECES =
      Set.of(
          "<|fim_prefix|>",
          "<fim-prefix>",
          "<fim_prefix>",
          "<|fim_suffix|>",
          "<fim-suffix>",
          "<fim_suffix>",
          "<|fim_middle|>",
          "<fim-middle>",
          "<fim_middle>");

  private final GgufMetadata metadata;
  private final List<String> pieces;
  private final TokenKind[] kinds;
  private final Map<String, Integer> ids;
  private final Set<Integer> endings = new HashSet<>();

  private Vocabulary(GgufMetadata metadata, List<String> pieces) {
    this.metadata = metadata;
    this.pieces = pieces;
    this.kinds = readKinds();
    this.ids = new HashMap<>(pieces.size() * 2);
    for (int i = 0; i < pieces.size(); i++) {
      readPiece(i);
    }
    for (String key : List.of("eos_token_id", "eot_token_id", "eom_token_id")) {
      special(key).ifPresent(endings::add);
    }
  }

  static Vocabulary read(GgufMetadata metadata) {
    List<String> pieces =
        metadata
            .strings(PREFIX + "tokens")
            .orElseThrow(() -> metadata.refuse("the key tokenizer.ggml.tokens is missing"));
    if (pieces.isEmpty() || pieces.size() > MAX_TOKENS) {
      throw metadata.refuse(
          PREFIX + "tokens has " + pieces.size() + " tokens, but must have 1 to " + MAX_TOKENS);
    }
    return new Vocabulary(metadata, pieces);
  }

  private TokenKind[] readKinds() {
    TokenKind[] read = new TokenKind[pieces.size()];
    int[] types = metadata.integers(PREFIX + "token_type").orElse(null);
    if (types != null && types.length != read.length) {
      throw metadata.refuse(
          PREFIX
              + "token_type has "
              + types.length
              + " entries, but there are "
              + read.length
              + " tokens");
    }
    for (int i = 0; i < read.length; i++) {
      read[i] = types == null ? TokenKind.NORMAL : TokenKind.byId(types[i]);
    }
    return read;
  }

  private void readPiece(int id) {
    String piece = pieces.get(id);
    if (piece.isEmpty()) {
      kinds[id] = TokenKind.UNUSED;
      return;
    }
    Integer other = ids.putIfAbsent(piece, id);
    if (other != null) {
      throw metadata.refuse(
          PREFIX + "tokens has \"" + piece + "\" twice, as " + other + " and as " + id);
    }
    if (ENDING_PIECES.contains(piece)) {
      endings.add(id);
      kinds[id] = TokenKind.CONTROL;
    } else if (CONTROL_PIECES.contains(piece)) {
      kinds[id] = TokenKind.CONTROL;
    }
  }

  int size() {
    return pieces.size();
  }

  String piece(int id) {
    return pieces.get(id);
  }

  TokenKind kind(int id) {
    return kinds[id];
  }

  /** The id of a token of any kind, or null. */
  Integer id(String piece) {
    return ids.get(piece);
  }

  boolean endsGeneration(int id) {
    return endings.contains(id);
  }

  /** A token id from the metadata; the key's name without its prefix. */
  OptionalInt special(String key) {
    return metadata.token(PREFIX + key, pieces.size());
  }

  boolean flag(String key, boolean otherwise) {
    return metadata.bool(PREFIX + key).orElse(otherwise);
  }

  GgufMetadata metadata() {
    return metadata;
  }
}
