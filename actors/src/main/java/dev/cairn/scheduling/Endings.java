package dev.cairn.scheduling;

import dev.cairn.persistence.FinishReason;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntPredicate;

/** When an output is at its end: by a token, by its length, or because its language has no more. */
final class Endings {
  /** Told of sequences that have come to their end. */
  interface Ends {
    void end(Sequence sequence, FinishReason reason, String detail);
  }

  private final IntPredicate endsGeneration;
  private final Ends ends;

  /** Those with a guide, to be ended where it leads no further. */
  private final List<Sequence> guided = new ArrayList<>();

  Endings(IntPredicate endsGeneration, Ends ends) {
    this.endsGeneration = endsGeneration;
    this.ends = ends;
  }

  /** A sequence with a guide has come. */
  void guided(Sequence sequence) {
    guided.add(sequence);
  }

  /** Ends those whose guide has no next token for them. */
  void endWhatLeadsNowhere() {
    for (int i = guided.size() - 1; i >= 0; i--) {
      Sequence sequence = guided.get(i);
      if (!sequence.isLive()) {
        guided.remove(i);
      } else if (sequence.isSettled()) {
        endByGuide(sequence);
      }
    }
  }

  /**
   * A sequence received a token.
   *
   * @param length of the sequence with it
   */
  void received(Sequence sequence, int token, int length) {
    if (sequence.guide != null) {
      sequence.guide.drew(token);
    }
    boolean isEnd = endsGeneration.test(token);
    if (isEnd && (!sequence.ignoreEos || sequence.guide != null)) {
      ends.end(sequence, stopped(sequence), "");
    } else if (sequence.guide != null && sequence.guide.next() instanceof Guide.AtEnd) {
      endByGuide(sequence);
    } else if (length == sequence.maxLength) {
      ends.end(sequence, FinishReason.LENGTH, "");
    }
  }

  /** A sequence cannot go on, or has nothing to generate. */
  void end(Sequence sequence, FinishReason reason, String detail) {
    ends.end(sequence, reason, detail);
  }

  private void endByGuide(Sequence sequence) {
    Guide.Next next = sequence.guide.next();
    if (next instanceof Guide.AtEnd) {
      ends.end(sequence, stopped(sequence), "");
    } else if (next instanceof Guide.Stuck stuck) {
      ends.end(sequence, FinishReason.ERROR, stuck.why());
    }
  }

  /** An output that was brought to its end because it may have no more has no more to say. */
  private static FinishReason stopped(Sequence sequence) {
    return sequence.guide != null && sequence.guide.isShortened()
        ? FinishReason.LENGTH
        : FinishReason.STOP;
  }
}
