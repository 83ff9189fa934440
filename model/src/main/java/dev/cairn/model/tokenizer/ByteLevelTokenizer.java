package dev.cairn.model.tokenizer;

import dev.cairn.model.gguf.GgufMetadata;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Byte-level BPE ({@code tokenizer.ggml.model} = {@code gpt2}): words from a {@link PreTokenizer},
 * their bytes merged by rank. A byte that the vocabulary has no token for is left out, as in
 * llama.cpp; which these are is logged when the model is read.
 */
final class ByteLevelTokenizer extends VocabularyTokenizer {
  private static final Logger LOG = LoggerFactory.getLogger(ByteLevelTokenizer.class);

  private final PreTokenizer preTokenizer;
  private final Map<String, Integer> symbols = new HashMap<>();
  private final MergeTable merges;
  private final int[] byteSymbols = new int[256];
  private final int longestPiece;
  private final MergeList.Rule rule = new RankRule();

  ByteLevelTokenizer(Vocabulary vocabulary) {
    this(vocabulary, preTokenizer(vocabulary.metadata()));
  }

  private ByteLevelTokenizer(Vocabulary vocabulary, PreTokenizer preTokenizer) {
    super(
        vocabulary,
        vocabulary.special("bos_token_id"),
        preTokenizer.beginsByDefault(),
        ByteLevelTokenizer::textBytes);
    this.preTokenizer = preTokenizer;
    int longest = 0;
    for (int id = 0; id < vocabulary.size(); id++) {
      TokenKind kind = vocabulary.kind(id);
      if (kind != TokenKind.CONTROL && kind != TokenKind.UNKNOWN) {
        symbols.put(vocabulary.piece(id), id);
        longest = Math.max(longest, vocabulary.piece(id).length());
      }
    }
    longestPiece = longest;
    merges = readMerges(vocabulary);
    StringBuilder missing = new StringBuilder();
    for (int b = 0; b < 256; b++) {
      byteSymbols[b] = symbol(String.valueOf(ByteAlphabet.character(b)));
      if (byteSymbols[b] >= vocabulary.size() && b != 0xC0 && b != 0xC1 && b < 0xF5) {
        missing.append(String.format(" %02x", b));
      }
    }
    if (missing.length() > 0) {
      LOG.warn("the vocabulary has no tokens for the bytes{}, text loses them", missing);
    }
  }

  private static PreTokenizer preTokenizer(GgufMetadata metadata) {
    String name = metadata.string("tokenizer.ggml.pre").orElse("default");
    PreTokenizer found = PreTokenizer.BY_NAME.get(name);
    if (found == null) {
      throw metadata.refuse(
          "tokenizer.ggml.pre is \""
              + name
              + "\", which is not supported; supported are "
              + PreTokenizer.BY_NAME.keySet());
    }
    return found;
  }

  /** The number of a symbol; what is no token gets a number behind the vocabulary. */
  private int symbol(String text) {
    int fresh = size() + symbols.size();
    Integer known = symbols.putIfAbsent(text, fresh);
    return known == null ? fresh : known;
  }

  private MergeTable readMerges(Vocabulary vocabulary) {
    GgufMetadata metadata = vocabulary.metadata();
    List<String> lines =
        metadata
            .strings("tokenizer.ggml.merges")
            .orElseThrow(() -> metadata.refuse("the key tokenizer.ggml.merges is missing"));
    MergeTable table = new MergeTable(lines.size());
    for (int rank = 0; rank < lines.size(); rank++) {
      String line = lines.get(rank);
      int space = line.indexOf(' ', 1);
      if (space < 0 || space == line.length() - 1) {
        throw metadata.refuse(
            "tokenizer.ggml.merges["
                + rank
                + "] is \""
                + line
                + "\", but must be two parts with a space between them");
      }
      String left = line.substring(0, space);
      String right = line.substring(space + 1);
      table.put(symbol(left), symbol(right), rank, symbol(left + right));
    }
    return table;
  }

  @Override
  void encodeText(String text, boolean afterSpecial, Tokens tokens) {
    int[] points = text.codePoints().toArray();
    MergeList list = new MergeList();
    preTokenizer.split(
        points, 0, points.length, (start, end) -> encodeWord(points, start, end, list, tokens));
  }

  private void encodeWord(int[] text, int start, int end, MergeList list, Tokens tokens) {
    if (preTokenizer.takesWholeWords() && end - start <= longestPiece) {
      Integer whole = wholeWord(text, start, end);
      if (whole != null) {
        tokens.add(whole);
        return;
      }
    }
    list.clear();
    for (int i = start; i < end; i++) {
      addBytes(text[i], list);
    }
    list.merge(list.length(), rule);
    for (int place = 0; place < list.length(); place = list.next(place)) {
      if (list.symbol(place) < size()) {
        tokens.add(list.symbol(place));
      } else {
        addUnmerged(text, start, list.start(place), list.end(place), tokens);
      }
    }
  }

  private Integer wholeWord(int[] text, int start, int end) {
    byte[] bytes = new String(text, start, end - start).getBytes(StandardCharsets.UTF_8);
    StringBuilder word = new StringBuilder(bytes.length);
    for (byte b : bytes) {
      word.append(ByteAlphabet.character(b & 0xFF));
    }
    Integer found = symbols.get(word.toString());
    return found != null && found < size() ? found : null;
  }

  /** Appends the UTF-8 bytes of a character. */
  private void addBytes(int c, MergeList list) {
    if (c < 0x80) {
      add(c, list);
    } else if (c < 0x800) {
      add(0xC0 | (c >> 6), list);
    } else if (c < 0x10000) {
      add(0xE0 | (c >> 12), list);
      add(0x80 | ((c >> 6) & 0x3F), list);
    } else {
      add(0xF0 | (c >> 18), list);
      add(0x80 | ((c >> 12) & 0x3F), list);
      add(0x80 | ((c >> 6) & 0x3F), list);
    }
    if (c >= 0x80) {
      add(0x80 | (c & 0x3F), list);
    }
  }

  private void add(int b, MergeList list) {
    list.add(byteSymbols[b], list.length());
  }

  /** What merged to something that is no token is written byte by byte. */
  private void addUnmerged(int[] text, int start, int from, int to, Tokens tokens) {
    MergeList bytes = new MergeList();
    for (int i = start; bytes.length() < to; i++) {
      addBytes(text[i], bytes);
    }
    for (int place = from; place < to; place++) {
      if (bytes.symbol(place) < size()) {
        tokens.add(bytes.symbol(place));
      }
    }
  }

  private static byte[] textBytes(Vocabulary vocabulary, int id) {
    String piece = vocabulary.piece(id);
    if (vocabulary.kind(id) == TokenKind.USER_DEFINED) {
      return piece.getBytes(StandardCharsets.UTF_8);
    }
    byte[] bytes = new byte[piece.length()];
    for (int i = 0; i < bytes.length; i++) {
      int b = ByteAlphabet.byteOf(piece.charAt(i));
      if (b < 0) {
        return piece.getBytes(StandardCharsets.UTF_8);
      }
      bytes[i] = (byte) b;
    }
    return bytes;
  }

  private final class RankRule implements MergeList.Rule {
    @Override
    public int priority(MergeList list, int left, int right) {
      return merges.rank(merges.slot(list.symbol(left), list.symbol(right)));
    }

    @Override
    public int merged(MergeList list, int left, int right) {
      return merges.result(merges.slot(list.symbol(left), list.symbol(right)));
    }
  }
}
