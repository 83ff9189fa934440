package dev.cairn.model.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The scanners against the patterns they stand for. Replay with {@code -Dcairn.seed=N}. */
class PreTokenizerTest {
  private static final String SPACE =
      "\\x09-\\x0D\\x20\\x85\\xA0\\u1680\\u2000-\\u200A\\u2028\\u2029\\u202F\\u205F\\u3000";
  private static final String GPT2 =
      "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|[\\s]+(?![^\\s])|[\\s]+";
  private static final String LLAMA3 =
      "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+"
          + "|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|[\\s]*[\\r\\n]+|[\\s]+(?![^\\s])|[\\s]+";

  private static List<String> patterns(PreTokenizer preTokenizer) {
    return switch (preTokenizer) {
      case GPT2 -> List.of(GPT2);
      case SMOLLM -> List.of("\\p{N}", GPT2);
      case DEFAULT -> List.of("[\\p{P}$+<=>^~|]+", GPT2, "\\p{N}+", "[0-9][0-9][0-9]");
      case LLAMA3 -> List.of(LLAMA3);
      case QWEN2 -> List.of(LLAMA3.replace("{1,3}", ""));
    };
  }

  /** Cuts each piece at the matches of each pattern in turn; what lies between stays a piece. */
  private static List<String> expected(String text, List<String> patterns) {
    List<String> pieces = List.of(text);
    for (String pattern : patterns) {
      Pattern compiled = Pattern.compile(pattern.replace("\\s", SPACE));
      List<String> next = new ArrayList<>();
      for (String piece : pieces) {
        Matcher matcher = compiled.matcher(piece);
        int end = 0;
        while (matcher.find()) {
          next.add(piece.substring(end, matcher.start()));
          next.add(matcher.group());
          end = matcher.end();
        }
        next.add(piece.substring(end));
      }
      next.removeIf(String::isEmpty);
      pieces = next;
    }
    return pieces;
  }

  private static List<String> actual(String text, PreTokenizer preTokenizer) {
    int[] points = text.codePoints().toArray();
    List<String> words = new ArrayList<>();
    preTokenizer.split(
        points, 0, points.length, (from, to) -> words.add(new String(points, from, to - from)));
    return words;
  }

  @ParameterizedTest
  @EnumSource(PreTokenizer.class)
  @DisplayName("words are those of the pattern")
  void cutsLikeThePattern(PreTokenizer preTokenizer) {
    List<String> patterns = patterns(preTokenizer);
    long first = Long.getLong("cairn.seed", System.nanoTime());
    for (long seed = first; seed < first + 4_000; seed++) {
      String text = TokenizerTexts.random(new Random(seed), 24);
      assertThat(actual(text, preTokenizer)).as("seed " + seed).isEqualTo(expected(text, patterns));
    }
  }
}
