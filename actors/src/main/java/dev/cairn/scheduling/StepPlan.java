package dev.cairn.scheduling;

import dev.cairn.device.SlotSpec;
import dev.cairn.device.Step;
import java.util.List;

/**
 * What the device is to do next, in this order.
 *
 * @param frees slots to empty
 * @param opens slots to open
 * @param step the step to run
 */
public record StepPlan(List<Integer> frees, List<Open> opens, Step step) {
  public StepPlan {
    frees = List.copyOf(frees);
    opens = List.copyOf(opens);
  }

  /** A slot and the sequence to put there. */
  public record Open(int slot, SlotSpec spec) {}
}
