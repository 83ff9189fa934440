package dev.cairn.device;

/**
 * A device that holds one model and runs steps over the sequences in its slots.
 *
 * <p>A <em>slot</em> holds one sequence: its tokens so far (prompt and generated), its sampling
 * parameters and its block table. A step names slots and positions, never token values: the tokens
 * are in the slot, a sampled token is appended there, and so a step can be submitted before the
 * result of the one before it is known.
 *
 * <p>All methods but {@link #await()} are called by one thread (the GpuActor's); {@code await} by
 * one other. Steps run in the order submitted. A slot is not opened, freed or given other blocks
 * while a submitted step that names it has not been awaited; devices refuse that with a {@link
 * DeviceException} of kind {@link DeviceException.Kind#MISUSE}.
 *
 * <p>Numerics contract: what a slot yields depends on the model, the numerics version and the
 * slot's own tokens and parameters alone, bit for bit; not on the other chunks of a step, on how a
 * prompt was cut into chunks, on block numbers or on threads.
 */
public interface Device extends AutoCloseable {
  /** What this device is; constant. */
  DeviceInfo info();

  /** Puts a sequence into a free slot. */
  void openSlot(int slot, SlotSpec spec);

  /** Empties a slot; a no-op where it is empty already. */
  void freeSlot(int slot);

  /**
   * Queues a step and returns at once. At most {@link DeviceInfo#maxStepsInFlight()} may be
   * submitted and not awaited.
   */
  void submit(Step step);

  /**
   * Waits for the oldest submitted step.
   *
   * @return its result
   * @throws DeviceException if the step failed as a whole, or the device is closed or lost
   */
  StepResult await();

  /** Counters for metrics and tests. */
  DeviceStats stats();

  /** Frees everything, after the steps in flight have ended. Idempotent; wakes {@link #await()}. */
  @Override
  void close();
}
