package dev.cairn.scheduling;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/** Which slots of the device are taken, and which have to be emptied. */
final class SlotTable {
  private final int total;
  private final Deque<Integer> free = new ArrayDeque<>();
  private List<Integer> toEmpty = new ArrayList<>();

  SlotTable(int total) {
    this.total = total;
    reset();
  }

  int free() {
    return free.size();
  }

  int inUse() {
    return total - free.size();
  }

  int take() {
    return free.removeFirst();
  }

  /** Gives a slot back; it is emptied before anything else is put there. */
  void give(int slot) {
    free.addLast(slot);
    toEmpty.add(slot);
  }

  /** Slots to empty on the device before the next step; each is named once. */
  List<Integer> takeFrees() {
    List<Integer> frees = toEmpty;
    toEmpty = new ArrayList<>();
    return frees;
  }

  /** The device begins anew with all slots empty. */
  void reset() {
    free.clear();
    toEmpty.clear();
    for (int slot = 0; slot < total; slot++) {
      free.addLast(slot);
    }
  }
}
