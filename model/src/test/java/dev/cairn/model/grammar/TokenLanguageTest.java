package dev.cairn.model.grammar;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cairn.model.Tokenizer;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.BitSet;
import java.util.Random;
import java.util.regex.Pattern;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TokenLanguageTest {
  private static final TokenLanguage.Limits LIMITS =
      new TokenLanguage.Limits(200_000, 50_000, 16 << 20);
  private static final String JSON =
      """
      # Any JSON value.
      root   ::= value
      value  ::= object | array | string | number | "true" | "false" | "null"
      object ::= "{" ws ( string ws ":" ws value ( ws "," ws string ws ":" ws value )* )? ws "}"
      array  ::= "[" ws ( value ( ws "," ws value )* )? ws "]"
      string ::= "\\"" ( [^"\\\\\\x00-\\x1F] | "\\\\" ( ["\\\\/bfnrt] | "u" [0-9a-fA-F]{4} ) )* "\\""
      number ::= "-"? ( "0" | [1-9] [0-9]{0,15} ) ( "." [0-9]{1,16} )? ( [eE] [-+]? [0-9]{1,3} )?
      ws     ::= ( " " | "\\n" " "{0,8} )?
      """;
  private static final String[] PIECES = {
    "{", "}", "[", "]", "\"", "\",", "\":", ",", " ", "\n", "a", "bc", "é", "\\", "\\n", "u00", "1",
    "-2", ".5", "true", "null", "e", "\"}", "]}", "[[", ":", "😀"
  };

  @Test
  @DisplayName("a mask is what trying each token says, wherever an output stands")
  void masksAreExact() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    Tokenizer vocabulary = Vocabularies.random(random, 600, PIECES);
    TokenLanguage language = new TokenLanguage(JSON, new TokenTrie(vocabulary), LIMITS);
    for (int output = 0; output < 40; output++) {
      Cursor cursor = language.begin();
      StringBuilder text = new StringBuilder();
      for (int i = 0; i < 60; i++) {
        long[] mask = cursor.allowed(10_000);
        BitSet allowed = BitSet.valueOf(mask);
        for (int token = 0; token < vocabulary.size(); token++) {
          Cursor tried = language.begin();
          assertThat(advance(tried, vocabulary, text.toString())).isTrue();
          assertThat(tried.advance(token))
              .as("seed %d, token %s after %s", seed, vocabulary.piece(token), text)
              .isEqualTo(allowed.get(token));
          token += random.nextInt(20);
        }
        int token = draw(random, allowed);
        if (token == Vocabularies.END) {
          break;
        }
        assertThat(cursor.advance(token)).isTrue();
        byte[] bytes = vocabulary.bytes(token);
        String added = new String(bytes, StandardCharsets.UTF_8);
        if (added.indexOf('\uFFFD') >= 0) {
          break;
        }
        text.append(added);
      }
    }
  }

  private static boolean advance(Cursor cursor, Tokenizer vocabulary, String text) {
    for (int token : vocabulary.encode(text, false, false)) {
      if (!cursor.advance(token)) {
        return false;
      }
    }
    return true;
  }

  private static int draw(Random random, BitSet allowed) {
    int nth = random.nextInt(allowed.cardinality());
    int token = allowed.nextSetBit(0);
    for (; nth > 0; nth--) {
      token = allowed.nextSetBit(token + 1);
    }
    return token;
  }

  @Test
  @DisplayName("a short output is brought to its end: every one is whole within its tokens")
  void shortOutputsEnd() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    Tokenizer vocabulary = Vocabularies.random(random, 600, PIECES);
    TokenLanguage language = new TokenLanguage(JSON, new TokenTrie(vocabulary), LIMITS);
    int shortened = 0;
    for (int output = 0; output < 300; output++) {
      int most = 1 + random.nextInt(60);
      Cursor cursor = language.begin();
      for (int left = most; left > 0 && !cursor.isAtEnd(); left--) {
        int token = draw(random, BitSet.valueOf(cursor.allowed(left)));
        assertThat(cursor.advance(token)).as("seed %d", seed).isTrue();
        if (token == Vocabularies.END) {
          break;
        }
      }
      assertThat(cursor.isComplete()).as("seed %d, %d tokens", seed, most).isTrue();
      shortened += cursor.isShortened() ? 1 : 0;
    }
    assertThat(shortened).as("seed %d", seed).isPositive();
  }

  @Test
  @DisplayName("fewer tokens than the shortest output has bytes: long tokens may be enough")
  void shortestOutputIsTaken() {
    Tokenizer vocabulary = Vocabularies.random(new Random(1), 300, "ab", "c");
    TokenLanguage language =
        new TokenLanguage("root ::= \"ab\"{3,} \"c\"", new TokenTrie(vocabulary), LIMITS);
    Cursor cursor = language.begin();
    for (int left = 3; !cursor.isAtEnd(); left--) {
      BitSet allowed = BitSet.valueOf(cursor.allowed(left));
      int longest =
          allowed.stream().reduce(0, (a, b) -> bytes(vocabulary, b) > bytes(vocabulary, a) ? b : a);
      assertThat(cursor.advance(longest)).isTrue();
      assertThat(left).isPositive();
    }
    assertThat(cursor.isShortened()).isTrue();
  }

  private static int bytes(Tokenizer vocabulary, int token) {
    return vocabulary.bytes(token).length;
  }

  @Test
  @DisplayName("a regular grammar takes what the regular expression takes")
  void agreesWithRegularExpressions() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    Tokenizer vocabulary = Vocabularies.random(random, 100, "a", "b", "ab", "ba", "c");
    TokenTrie trie = new TokenTrie(vocabulary);
    for (int i = 0; i < 200; i++) {
      StringBuilder grammar = new StringBuilder();
      StringBuilder regex = new StringBuilder();
      expression(random, 3, grammar, regex);
      TokenLanguage language;
      try {
        language = new TokenLanguage("root ::= " + grammar, trie, LIMITS);
      } catch (GrammarException e) {
        assertThat(e).hasMessageContaining("No token of the vocabulary");
        continue;
      }
      Pattern pattern = Pattern.compile(regex.toString());
      for (int n = 0; n < 60; n++) {
        StringBuilder text = new StringBuilder();
        for (int left = random.nextInt(7); left > 0; left--) {
          text.append((char) ('a' + random.nextInt(3)));
        }
        Cursor cursor = language.begin();
        boolean matches = advance(cursor, vocabulary, text.toString()) && cursor.isComplete();
        assertThat(matches)
            .as("seed %d: %s on \"%s\"", seed, grammar, text)
            .isEqualTo(pattern.matcher(text).matches());
      }
    }
  }

  private static void expression(
      Random random, int depth, StringBuilder grammar, StringBuilder regex) {
    int kind = depth == 0 ? 0 : random.nextInt(5);
    switch (kind) {
      case 0 -> {
        char c = (char) ('a' + random.nextInt(3));
        grammar.append('"').append(c).append('"');
        regex.append(c);
      }
      case 1 -> {
        grammar.append("[a-b]");
        regex.append("[a-b]");
      }
      case 2, 3 -> {
        String between = kind == 2 ? " " : " | ";
        grammar.append('(');
        regex.append("(?:");
        int parts = 2 + random.nextInt(2);
        for (int i = 0; i < parts; i++) {
          grammar.append(i > 0 ? between : "");
          regex.append(i > 0 ? between.strip() : "");
          expression(random, depth - 1, grammar, regex);
        }
        grammar.append(')');
        regex.append(')');
      }
      default -> {
        String[] repeats = {"*", "+", "?", "{2}", "{1,3}", "{2,}"};
        String repeat = repeats[random.nextInt(repeats.length)];
        grammar.append('(');
        regex.append("(?:");
        expression(random, depth - 1, grammar, regex);
        grammar.append(')').append(repeat);
        regex.append(')').append(repeat);
      }
    }
  }

  @Test
  @DisplayName("characters of two to four bytes are taken whole, and none that UTF-8 cannot write")
  void charactersAreWhole() {
    Tokenizer vocabulary = Vocabularies.random(new Random(1), 0, "x");
    TokenLanguage language = new TokenLanguage("root ::= [^a]+", new TokenTrie(vocabulary), LIMITS);
    for (String good : new String[] {"é", "€", "😀", "b", "é€😀"}) {
      Cursor cursor = language.begin();
      assertThat(advance(cursor, vocabulary, good)).as(good).isTrue();
      assertThat(cursor.isComplete()).as(good).isTrue();
    }
    assertThat(advance(language.begin(), vocabulary, "a")).isFalse();
    int[][] malformed = {{0xC0}, {0xED, 0xA0}, {0xF5}, {0x80}, {0xE2, 0x41}};
    for (int[] bytes : malformed) {
      Cursor cursor = language.begin();
      boolean taken = true;
      for (int b : bytes) {
        taken = taken && cursor.advance(1 + b);
      }
      assertThat(taken).isFalse();
    }
  }

  @Test
  @DisplayName("nesting is bounded: what is open at the bound can still be closed")
  void nestingIsBounded() {
    Tokenizer vocabulary = Vocabularies.random(new Random(1), 50, "[", "[[", "[[[[");
    TokenLanguage language = new TokenLanguage(JSON, new TokenTrie(vocabulary), LIMITS);
    Cursor cursor = language.begin();
    int open = 0;
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    while (BitSet.valueOf(cursor.allowed(100_000)).get(1 + '[')) {
      assertThat(cursor.advance(1 + '[')).isTrue();
      text.write('[');
      assertThat(++open).isLessThan(1_000);
    }
    assertThat(open).isGreaterThan(60);
    for (; open > 0; open--) {
      assertThat(BitSet.valueOf(cursor.allowed(100_000)).get(1 + ']')).isTrue();
      assertThat(cursor.advance(1 + ']')).isTrue();
    }
    assertThat(cursor.isAtEnd()).isTrue();
  }

  @Test
  @DisplayName("what is remembered keeps its bound, and outputs under way go on")
  void cacheIsBounded() {
    Random random = new Random(7);
    Tokenizer vocabulary = Vocabularies.random(random, 600, PIECES);
    long bytes = 1 << 18;
    TokenLanguage language =
        new TokenLanguage(
            JSON, new TokenTrie(vocabulary), new TokenLanguage.Limits(10_000, 10_000, bytes));
    TokenLanguage roomy = new TokenLanguage(JSON, new TokenTrie(vocabulary), LIMITS);
    for (int output = 0; output < 60; output++) {
      Cursor cursor = language.begin();
      Cursor same = roomy.begin();
      for (int i = 0; i < 80 && !cursor.isAtEnd(); i++) {
        long[] allowed = cursor.allowed(10_000);
        assertThat(allowed).isEqualTo(same.allowed(10_000));
        int token = draw(random, BitSet.valueOf(allowed));
        if (token == Vocabularies.END) {
          break;
        }
        assertThat(cursor.advance(token)).isTrue();
        assertThat(same.advance(token)).isTrue();
        // One token's states come on top before the bound is looked at.
        assertThat(language.cachedBytes()).isLessThan(2 * bytes);
      }
    }
    assertThat(roomy.cachedBytes()).isGreaterThan(2 * bytes);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "root ::= root \"a\" | \"b\" -> begins with itself",
        "root ::= a\na ::= b \"x\" | \"z\"\nb ::= \"y\"? a -> begins with itself",
        "root ::= \"a\" root -> no end",
        "root ::= missing -> no rule missing",
        "root ::= \"a -> Line 1 of the grammar has its end; expected the end of a text in quotes",
        "root ::= \"a\"\nroot ::= \"b\" -> twice",
        "root ::= (\"a\" -> expected \")\"",
        "root ::= [b-a] -> a range of characters that rises",
        "root ::= \"a\"{3,2} -> a repetition from 0 to 2000",
        "root ::= \"\\q\" -> an escape that GBNF knows",
        "root ::= \"\\xZZ\" -> 2 hexadecimal digits",
        "root = \"a\" -> expected \"::=\"",
        "root ::= (\"abcdefghij\"{2000}){100} -> more than 50000 places",
      })
  @DisplayName("a grammar that cannot be used is refused with what was found and expected")
  void wrongGrammars(String grammarAndMessage) {
    String[] parts = grammarAndMessage.split(" -> ", 2);
    TokenTrie trie = new TokenTrie(Vocabularies.random(new Random(1), 0, "x"));
    assertThatThrownBy(() -> new TokenLanguage(parts[0], trie, LIMITS))
        .isInstanceOf(GrammarException.class)
        .hasMessageContaining(parts[1]);
  }

  @Test
  @DisplayName("languages that were used last are remembered, the others forgotten")
  void languagesAreRemembered() {
    Languages languages = new Languages(Vocabularies.random(new Random(1), 0, "x"), LIMITS, 2);
    TokenLanguage first = languages.of("root ::= \"1\"");
    assertThat(languages.of("root ::= \"1\"")).isSameAs(first);
    languages.of("root ::= \"2\"");
    languages.of("root ::= \"3\"");
    assertThat(languages.size()).isEqualTo(2);
    assertThat(languages.of("root ::= \"1\"")).isNotSameAs(first);
    assertThatThrownBy(() -> languages.of("root")).isInstanceOf(GrammarException.class);
  }
}
