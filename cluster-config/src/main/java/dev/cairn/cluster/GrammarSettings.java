package dev.cairn.cluster;

import com.typesafe.config.Config;
import dev.cairn.model.Tokenizer;
import dev.cairn.model.grammar.Languages;
import dev.cairn.model.grammar.TokenLanguage;

/** {@code cairn.grammar}, read and checked once. */
public final class GrammarSettings {
  /** Threads that work out what may follow. */
  static final String DISPATCHER = "cairn.dispatchers.grammar";

  private GrammarSettings() {}

  /**
   * The languages that outputs of a model may be held to.
   *
   * @throws IllegalArgumentException where a value makes no sense
   */
  public static Languages languages(Config config, Tokenizer tokenizer) {
    Config grammar = config.getConfig("cairn.grammar");
    TokenLanguage.Limits limits =
        new TokenLanguage.Limits(
            atLeastOne(grammar, "max-characters"),
            atLeastOne(grammar, "max-places"),
            grammar.getBytes("cache-memory"));
    return new Languages(tokenizer, limits, atLeastOne(grammar, "cached-grammars"));
  }

  private static int atLeastOne(Config grammar, String key) {
    int value = grammar.getInt(key);
    if (value < 1) {
      throw new IllegalArgumentException(
          "cairn.grammar." + key + " is " + value + ", expected at least 1");
    }
    return value;
  }
}
