package dev.cairn.model.tokenizer;

import dev.cairn.model.gguf.GgufMetadata;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalInt;

/**
 * SentencePiece BPE ({@code tokenizer.ggml.model} = {@code llama}): characters merge to the token
 * with the highest score, and a character without a token is written as byte tokens. Spaces are
 * U+2581 in the vocabulary; where {@code add_space_prefix} asks for it, the input and text after a
 * special token begin with one more. Unlike llama.cpp, and like SentencePiece, text never merges to
 * a control token.
 */
final class SentencePieceTokenizer extends VocabularyTokenizer {
  private static final char SPACE = '\u2581';
  private static final int DEFAULT_BEGIN = 1;

  private final boolean addSpacePrefix;
  private final Map<String, Integer> pieces = new HashMap<>();
  private final int[] priorities;
  private final int[] byteTokens = new int[256];
  private final int longestPiece;

  SentencePieceTokenizer(Vocabulary vocabulary) {
    super(vocabulary, begin(vocabulary), true, SentencePieceTokenizer::textBytes);
    addSpacePrefix = vocabulary.flag("add_space_prefix", true);
    priorities = readPriorities(vocabulary);
    int longest = 0;
    for (int id = 0; id < vocabulary.size(); id++) {
      TokenKind kind = vocabulary.kind(id);
      if (kind == TokenKind.NORMAL
          || kind == TokenKind.USER_DEFINED
          || (kind == TokenKind.UNUSED && !vocabulary.piece(id).isEmpty())) {
        pieces.put(vocabulary.piece(id), id);
        longest = Math.max(longest, vocabulary.piece(id).length());
      }
    }
    longestPiece = longest;
    readByteTokens(vocabulary);
  }

  private static OptionalInt begin(Vocabulary vocabulary) {
    boolean named = vocabulary.metadata().has("tokenizer.ggml.bos_token_id");
    return named || vocabulary.size() <= DEFAULT_BEGIN
        ? vocabulary.special("bos_token_id")
        : OptionalInt.of(DEFAULT_BEGIN);
  }

  /** For each token the rank of its score, 0 for the highest; equal scores have equal ranks. */
  private static int[] readPriorities(Vocabulary vocabulary) {
    GgufMetadata metadata = vocabulary.metadata();
    float[] scores =
        metadata
            .reals("tokenizer.ggml.scores")
            .orElseThrow(() -> metadata.refuse("the key tokenizer.ggml.scores is missing"));
    if (scores.length != vocabulary.size()) {
      throw metadata.refuse(
          "tokenizer.ggml.scores has "
              + scores.length
              + " entries, but there are "
              + vocabulary.size()
              + " tokens");
    }
    for (int i = 0; i < scores.length; i++) {
      scores[i] += 0f;
    }
    float[] sorted = scores.clone();
    Arrays.sort(sorted);
    int distinct = 0;
    for (int i = 0; i < sorted.length; i++) {
      if (i == 0 || sorted[i] != sorted[i - 1]) {
        sorted[distinct++] = sorted[i];
      }
    }
    int[] priorities = new int[scores.length];
    for (int i = 0; i < scores.length; i++) {
      priorities[i] = distinct - 1 - Arrays.binarySearch(sorted, 0, distinct, scores[i]);
    }
    return priorities;
  }

  private void readByteTokens(Vocabulary vocabulary) {
    OptionalInt unknown =
        vocabulary.metadata().has("tokenizer.ggml.unknown_token_id")
            ? vocabulary.special("unknown_token_id")
            : OptionalInt.of(0);
    for (int b = 0; b < 256; b++) {
      String name = String.format("<0x%02X>", b);
      Integer id = vocabulary.id(name);
      if (id == null && unknown.isEmpty()) {
        throw vocabulary
            .metadata()
            .refuse("the vocabulary has neither " + name + " nor a token for the unknown");
      }
      byteTokens[b] = id != null ? id : unknown.getAsInt();
    }
  }

  @Override
  void encodeText(String text, boolean afterSpecial, Tokens tokens) {
    String escaped = (addSpacePrefix && afterSpecial ? " ".concat(text) : text).replace(' ', SPACE);
    MergeList list = new MergeList();
    for (int at = 0; at < escaped.length(); at += Character.charCount(escaped.codePointAt(at))) {
      list.add(-1, at);
    }
    list.merge(escaped.length(), new ScoreRule(escaped));
    for (int place = 0; place < list.length(); place = list.next(place)) {
      String piece = escaped.substring(list.start(place), list.end(place));
      Integer id = pieces.get(piece);
      if (id != null) {
        tokens.add(id);
      } else {
        for (byte b : piece.getBytes(StandardCharsets.UTF_8)) {
          tokens.add(byteTokens[b & 0xFF]);
        }
      }
    }
  }

  private static byte[] textBytes(Vocabulary vocabulary, int id) {
    String piece = vocabulary.piece(id);
    return switch (vocabulary.kind(id)) {
      case USER_DEFINED -> piece.getBytes(StandardCharsets.UTF_8);
      case BYTE -> new byte[] {byteValue(vocabulary, id, piece)};
      default -> piece.replace(SPACE, ' ').getBytes(StandardCharsets.UTF_8);
    };
  }

  private static byte byteValue(Vocabulary vocabulary, int id, String piece) {
    if (!piece.matches("<0x[0-9A-Fa-f]{2}>")) {
      throw vocabulary
          .metadata()
          .refuse(
              "tokenizer.ggml.tokens["
                  + id
                  + "] is the byte token \""
                  + piece
                  + "\", but must look like <0x41>");
    }
    return (byte) Integer.parseInt(piece.substring(3, 5), 16);
  }

  private final class ScoreRule implements MergeList.Rule {
    private final String text;

    ScoreRule(String text) {
      this.text = text;
    }

    @Override
    public int priority(MergeList list, int left, int right) {
      int start = list.start(left);
      int end = list.end(right);
      if (end - start > longestPiece) {
        return -1;
      }
      Integer id = pieces.get(text.substring(start, end));
      return id == null ? -1 : priorities[id];
    }

    @Override
    public int merged(MergeList list, int left, int right) {
      return -1;
    }
  }
}
