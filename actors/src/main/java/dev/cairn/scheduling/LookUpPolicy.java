package dev.cairn.scheduling;

/**
 * How sequences are drafted from what they said before.
 *
 * @param byDefault whether those are that do not say
 * @param maxDraft most tokens of a draft; 0: nothing is ever drafted
 * @param minNgram tokens at the end of a sequence that have to stand in it before
 * @param maxNgram tokens that are compared; of several places the one that agrees in more counts
 * @param maxRows tokens of a step's decode rows up to which drafts fill it, the rows of all running
 *     sequences counted first
 */
public record LookUpPolicy(
    boolean byDefault, int maxDraft, int minNgram, int maxNgram, int maxRows) {
  /** For those that ask for it. */
  public static final LookUpPolicy ASKED = new LookUpPolicy(false, 8, 2, 4, 16);

  public LookUpPolicy {
    atLeast("max-draft", maxDraft, 0);
    atLeast("min-ngram", minNgram, 1);
    atLeast("max-ngram", maxNgram, minNgram);
    atLeast("max-rows", maxRows, 1);
  }

  private static void atLeast(String name, int value, int least) {
    if (value < least) {
      throw new IllegalArgumentException(
          "look-up." + name + " is " + value + ", expected at least " + least);
    }
  }
}
