package dev.cairn.scheduling;

import dev.cairn.device.Chunk;
import dev.cairn.device.StepResult;
import dev.cairn.model.TokenLogprobs;
import dev.cairn.persistence.FinishReason;
import java.util.List;

/** What the rows of a step that ended bring to their sequences: tokens, full blocks, ends. */
final class StepReceipt {
  private final SchedulingLimits limits;
  private final BlockPool pool;
  private final HandOverQueue handOvers;
  private final Endings endings;

  StepReceipt(SchedulingLimits limits, BlockPool pool, HandOverQueue handOvers, Endings endings) {
    this.limits = limits;
    this.pool = pool;
    this.handOvers = handOvers;
    this.endings = endings;
  }

  /**
   * A row of a step that ended; of sequences that are gone it says nothing.
   *
   * @param endNanos when the step ended
   */
  void of(StepPlanner.Row row, StepResult.Output output, long endNanos) {
    Sequence sequence = row.sequence();
    if (sequence.state == Sequence.State.ENDED || sequence.state == Sequence.State.ABANDONED) {
      return;
    }
    if (output.status() != StepResult.Status.OK) {
      String what = "the model computed values that are not finite numbers";
      List<Sequence> others = sequence.othersOfGroup();
      endings.end(sequence, FinishReason.ERROR, what);
      others.forEach(
          other ->
              endings.end(
                  other,
                  FinishReason.ERROR,
                  "request " + sequence.requestId + " of its group: " + what));
      return;
    }
    int after = row.chunk().start() + row.chunk().count();
    sequence.publishBlocks(pool, after / limits.blockTokens());
    sequence.appendPromptLogprobs(row.chunk().start(), output.promptLogprobs());
    if (row.chunk().sample()) {
      sequence.clock.drew(endNanos);
      receiveTokens(sequence, after, row.chunk(), output);
    } else if (sequence.isPromptOnly() && after == sequence.length) {
      sequence.receivePooled(output.pooled());
      endings.end(sequence, FinishReason.LENGTH, "");
    }
  }

  /** What comes after an end within a draft that held is of no output. */
  private void receiveTokens(Sequence sequence, int after, Chunk chunk, StepResult.Output output) {
    if (after - sequence.promptLength != sequence.received) {
      throw new IllegalStateException(
          "token "
              + (after - sequence.promptLength)
              + " of "
              + sequence.requestId
              + " came, expected token "
              + sequence.received);
    }
    List<StepResult.Drawn> more = output.more();
    if (chunk.draft().length > 0) {
      sequence.draftEnded(chunk.draft().length, more.size());
    }
    receiveToken(sequence, after, output.token(), output.logprobs());
    for (int i = 0; i < more.size() && sequence.isLive(); i++) {
      sequence.publishBlocks(pool, (after + i + 1) / limits.blockTokens());
      receiveToken(sequence, after + i + 1, more.get(i).token(), more.get(i).logprobs());
    }
    handOvers.offer(sequence);
  }

  private void receiveToken(Sequence sequence, int after, int token, TokenLogprobs logprobs) {
    sequence.appendToTail(token, logprobs);
    endings.received(sequence, token, after + 1);
  }
}
