package dev.cairn.device;

/**
 * What a GPU's back end takes beside; the CPU's does not look at it.
 *
 * @param memoryShare share of the device's free memory that may be used, above 0 and at most 1
 * @param stepTimeoutMillis a step that takes longer is a lost device, at least 1
 * @param graphs shapes of steps that are kept as graphs of launches; 0: none
 */
public record GpuSettings(double memoryShare, int stepTimeoutMillis, int graphs) {
  /** What is taken where nothing else is asked for. */
  public static final GpuSettings DEFAULT = new GpuSettings(0.9, 60_000, 64);

  private static final int THOUSAND = 1000;

  int memoryShareThousandths() {
    return (int) Math.round(memoryShare * THOUSAND);
  }
}
