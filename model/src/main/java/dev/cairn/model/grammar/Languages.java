package dev.cairn.model.grammar;

import dev.cairn.model.Tokenizer;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/**
 * The languages that requests of one model are held to; those that were used last are remembered.
 * Safe for any number of threads.
 */
public final class Languages {
  private final Tokenizer tokenizer;
  private final TokenLanguage.Limits limits;
  private final Map<String, CompletableFuture<TokenLanguage>> known;
  private volatile TokenTrie trie;

  /**
   * @param most languages that are remembered
   */
  public Languages(Tokenizer tokenizer, TokenLanguage.Limits limits, int most) {
    this.tokenizer = tokenizer;
    this.limits = limits;
    this.known =
        new LinkedHashMap<>(16, 0.75f, true) {
          private static final long serialVersionUID = 1L;

          @Override
          protected boolean removeEldestEntry(
              Map.Entry<String, CompletableFuture<TokenLanguage>> eldest) {
            return size() > most;
          }
        };
  }

  /**
   * The language of a grammar; may take long where it is not remembered.
   *
   * @throws GrammarException where it is none that can be used
   */
  public TokenLanguage of(String grammar) {
    CompletableFuture<TokenLanguage> mine = new CompletableFuture<>();
    CompletableFuture<TokenLanguage> language;
    synchronized (known) {
      language = known.putIfAbsent(grammar, mine);
    }
    if (language == null) {
      language = mine;
      try {
        TokenLanguage made = new TokenLanguage(grammar, trie(), limits);
        made.prepare();
        mine.complete(made);
      } catch (RuntimeException | Error e) {
        synchronized (known) {
          known.remove(grammar, mine);
        }
        mine.completeExceptionally(e);
      }
    }
    try {
      return language.join();
    } catch (CompletionException e) {
      throw e.getCause() instanceof GrammarException wrong ? wrong : e;
    }
  }

  /** Languages that are remembered. */
  public int size() {
    synchronized (known) {
      return known.size();
    }
  }

  private TokenTrie trie() {
    TokenTrie made = trie;
    if (made == null) {
      synchronized (this) {
        made = trie == null ? new TokenTrie(tokenizer) : trie;
        trie = made;
      }
    }
    return made;
  }
}
