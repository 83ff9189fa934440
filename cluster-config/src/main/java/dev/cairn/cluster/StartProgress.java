package dev.cairn.cluster;

import dev.cairn.device.LoadProgress;

/** Told how far the start of a node has come; from any thread. */
public interface StartProgress extends LoadProgress {
  /**
   * Unfinished requests are back from the journal.
   *
   * @param requests how many by now
   */
  void recovered(int requests);
}
