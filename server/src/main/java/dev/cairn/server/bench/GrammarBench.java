package dev.cairn.server.bench;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.model.Tokenizer;
import dev.cairn.model.grammar.Cursor;
import dev.cairn.model.grammar.TokenLanguage;
import dev.cairn.model.grammar.TokenTrie;
import dev.cairn.server.http.Json;
import dev.cairn.server.schema.SchemaGrammar;
import java.io.IOException;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;

/**
 * Measures what a row costs that is held to a grammar: to go on behind its token and to say which
 * tokens may follow. Outputs are of tokens drawn one as likely as the other, which leads to far
 * more places than a model's outputs do.
 */
public final class GrammarBench {
  private static final int OUTPUTS = 200;
  private static final int TOKENS = 250;
  private static final int ROOM = 1 << 20;
  private static final int WARM_UPS = 2;
  private static final TokenLanguage.Limits LIMITS =
      new TokenLanguage.Limits(200_000, 50_000, 16L << 20);
  private static final String TOOL =
      """
      {"type": "object", "additionalProperties": false, "required": ["city", "days", "units"],
       "properties": {
         "city": {"type": "string"},
         "country": {"type": "string", "maxLength": 60},
         "days": {"type": "integer", "minimum": 1, "maximum": 14},
         "units": {"enum": ["metric", "imperial"]},
         "at": {"type": "string", "format": "date-time"},
         "places": {"type": "array", "maxItems": 20, "items": {
           "type": "object", "additionalProperties": false, "required": ["lat", "lon"],
           "properties": {"lat": {"type": "number"}, "lon": {"type": "number"},
             "name": {"anyOf": [{"type": "string"}, {"type": "null"}]}}}}}}
      """;
  private static final String TREE =
      """
      {"type": "object", "additionalProperties": false, "required": ["name", "children"],
       "properties": {"name": {"type": "string"},
         "children": {"type": "array", "items": {"$ref": "#"}}}}
      """;
  private static final String ARITHMETIC =
      "root ::= term ( [-+*/] term )*\nterm ::= [0-9]+ | \"(\" root \")\"\n";

  private final Tokenizer vocabulary;
  private final long seed;

  public GrammarBench(Tokenizer vocabulary, long seed) {
    this.vocabulary = vocabulary;
    this.seed = seed;
  }

  /** Names of the grammars and the grammars, as GBNF. */
  public static Map<String, String> grammars() throws IOException {
    Map<String, String> grammars = new LinkedHashMap<>();
    grammars.put("json_object", SchemaGrammar.anyObject());
    grammars.put("tool", SchemaGrammar.of(Json.read(TOOL)));
    grammars.put("tree", SchemaGrammar.of(Json.read(TREE)));
    grammars.put("arithmetic", ARITHMETIC);
    return grammars;
  }

  /** Measures one grammar; the first runs, in which the JVM is still compiling, do not count. */
  public ObjectNode run(String name, String grammar) {
    TokenTrie trie = new TokenTrie(vocabulary);
    ObjectNode line = Json.object().put("bench", "grammar").put("grammar", name);
    line.put("vocabulary", vocabulary.size());
    for (int i = 0; i <= WARM_UPS; i++) {
      long start = System.nanoTime();
      TokenLanguage language = new TokenLanguage(grammar, trie, LIMITS);
      language.prepare();
      line.put("compile_ms", Percentiles.round((System.nanoTime() - start) / 1e6));
      rows(language, line.putObject("first_outputs"), seed + i);
      rows(language, line.putObject("further_outputs"), seed + 100 + i);
      line.put("cache_mib", Percentiles.round(language.cachedBytes() / (double) (1 << 20)));
    }
    return line;
  }

  private void rows(TokenLanguage language, ObjectNode out, long draws) {
    Random random = new Random(draws);
    double[] micros = new double[OUTPUTS * TOKENS];
    int rows = 0;
    int known = 0;
    for (int i = 0; i < OUTPUTS; i++) {
      Cursor cursor = language.begin();
      for (int n = 0; n < TOKENS && !cursor.isAtEnd(); n++) {
        int token = draw(cursor.allowed(ROOM), random);
        if (vocabulary.endsGeneration(token)) {
          break;
        }
        long start = System.nanoTime();
        if (!cursor.advance(token)) {
          throw new IllegalStateException("token " + token + " was allowed and cannot follow");
        }
        known += cursor.isKnown(ROOM) ? 1 : 0;
        cursor.allowed(ROOM);
        micros[rows++] = (System.nanoTime() - start) / 1e3;
      }
    }
    Percentiles times = Percentiles.of(java.util.Arrays.copyOf(micros, rows));
    out.put("rows", rows);
    out.put("known_share", Percentiles.round(known / (double) Math.max(1, rows)));
    out.put("mask_us_p50", times.at(50));
    out.put("mask_us_p99", times.at(99));
    out.put("mask_us_max", times.at(100));
  }

  private static int draw(long[] allowed, Random random) {
    BitSet set = BitSet.valueOf(allowed);
    int nth = random.nextInt(set.cardinality());
    int token = set.nextSetBit(0);
    for (; nth > 0; nth--) {
      token = set.nextSetBit(token + 1);
    }
    return token;
  }
}
