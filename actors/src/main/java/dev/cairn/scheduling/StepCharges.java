package dev.cairn.scheduling;

import dev.cairn.device.Chunk;
import dev.cairn.device.StepResult;
import java.util.List;

/** What a step that ended costs whom, and what it teaches about steps to come. */
final class StepCharges {
  private final StepTimes times;
  private final WaitingQueue queue;

  StepCharges(StepTimes times, WaitingQueue queue) {
    this.times = times;
    this.queue = queue;
  }

  /** Charges each tenant what its rows took of a step's time. */
  SchedulingCore.Completed of(
      List<StepPlanner.Row> rows, List<StepResult.Output> outputs, long nanos) {
    int decodeTokens = 0;
    int prefillTokens = 0;
    int drafted = 0;
    int held = 0;
    for (int i = 0; i < rows.size(); i++) {
      Chunk chunk = rows.get(i).chunk();
      decodeTokens += rows.get(i).isDecode() ? chunk.rows() : 0;
      prefillTokens += rows.get(i).isDecode() ? 0 : chunk.count();
      drafted += chunk.draft().length;
      held += outputs.get(i).more().size();
    }
    times.stepTook(nanos, decodeTokens, prefillTokens);
    double prefillNanos = times.prefillNanos(nanos, decodeTokens, prefillTokens);
    double perDecode = decodeTokens == 0 ? 0 : (nanos - prefillNanos) / decodeTokens;
    double perPrefill = prefillTokens == 0 ? 0 : prefillNanos / prefillTokens;
    for (int i = 0; i < rows.size(); i++) {
      StepPlanner.Row row = rows.get(i);
      Sequence sequence = row.sequence();
      double cost = (row.isDecode() ? perDecode : perPrefill) * row.chunk().rows();
      Lane lane = sequence.ticket.lane;
      queue.charge(lane, cost, row.chunk().count() + outputs.get(i).more().size());
      double prepaid =
          row.isDecode() ? sequence.prepaidNanos : Math.min(cost, sequence.prepaidNanos);
      sequence.prepaidNanos -= prepaid;
      queue.advance(lane, cost - prepaid);
    }
    int tokens = decodeTokens + prefillTokens - drafted + held;
    return new SchedulingCore.Completed(rows.size(), tokens, drafted, held);
  }
}
