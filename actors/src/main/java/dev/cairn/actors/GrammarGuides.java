package dev.cairn.actors;

import dev.cairn.model.grammar.Cursor;
import dev.cairn.model.grammar.GrammarException;
import dev.cairn.model.grammar.Languages;
import dev.cairn.model.grammar.TokenLanguage;
import dev.cairn.scheduling.Admission;
import dev.cairn.scheduling.Guide;
import java.util.Arrays;
import java.util.concurrent.Executor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Guides of grammars. A mask that is known is given at once; what has to be worked out is worked
 * out by an executor, and the scheduler is told when it is there. Where an output stands follows
 * from its grammar and its tokens alone, so that it is found again after a restart.
 */
final class GrammarGuides implements Guide.Factory {
  private static final Logger LOG = LoggerFactory.getLogger(GrammarGuides.class);
  private static final Guide.Next WORKING = new Guide.Working();

  private final Languages languages;
  private final Executor executor;
  private final Runnable onKnown;

  /**
   * @param executor works out what is not known
   * @param onKnown called by the executor when something is known that was not
   */
  GrammarGuides(Languages languages, Executor executor, Runnable onKnown) {
    this.languages = languages;
    this.executor = executor;
    this.onKnown = onKnown;
  }

  @Override
  public Guide of(Admission admission, int most) {
    int[] drawn =
        Arrays.copyOfRange(admission.tokens(), admission.promptLength(), admission.tokens().length);
    GrammarGuide guide = new GrammarGuide(admission.requestId(), most);
    guide.elsewhere(() -> guide.begin(admission.sampling().grammar(), drawn));
    return guide;
  }

  /**
   * One output. While {@code next} is working the executor has the cursor, otherwise the scheduler.
   */
  private final class GrammarGuide implements Guide {
    private final String requestId;
    private final int most;
    private Cursor cursor;
    private int drawn;
    private volatile Next next = WORKING;

    GrammarGuide(String requestId, int most) {
      this.requestId = requestId;
      this.most = most;
    }

    @Override
    public Next next() {
      return next;
    }

    @Override
    public boolean isShortened() {
      return cursor.isShortened();
    }

    @Override
    public void drew(int token) {
      if (!advance(token)) {
        return;
      }
      if (cursor.isAtEnd()) {
        next = new AtEnd();
      } else if (drawn >= most) {
        // The output has all that it may have: nobody asks what might follow.
        next = WORKING;
      } else if (cursor.isKnown(most - drawn)) {
        next = new Allowed(cursor.allowed(most - drawn));
      } else {
        next = WORKING;
        elsewhere(this::work);
      }
    }

    private boolean advance(int token) {
      drawn++;
      if (cursor.advance(token)) {
        return true;
      }
      next = new Stuck("token " + token + " cannot follow where its grammar stands");
      return false;
    }

    private void begin(String grammar, int[] tokens) {
      TokenLanguage language = languages.of(grammar);
      cursor = language.begin();
      for (int token : tokens) {
        // Tells whether tokens were ruled out, as it did when the token was drawn.
        cursor.allowed(Math.max(1, most - drawn));
        if (!advance(token)) {
          return;
        }
      }
      work();
    }

    private void work() {
      if (cursor.isAtEnd()) {
        next = new AtEnd();
        return;
      }
      long[] allowed = cursor.allowed(Math.max(1, most - drawn));
      boolean none = Arrays.stream(allowed).allMatch(word -> word == 0);
      next =
          none
              ? new Stuck("no token of the vocabulary can follow where its grammar stands")
              : new Allowed(allowed);
    }

    private void elsewhere(Runnable what) {
      executor.execute(
          () -> {
            try {
              what.run();
            } catch (GrammarException e) {
              next = new Stuck(e.getMessage());
            } catch (RuntimeException | StackOverflowError e) {
              LOG.error("request {} cannot be held to its grammar", requestId, e);
              next = new Stuck("its grammar could not be followed: " + e);
            }
            onKnown.run();
          });
    }
  }
}
