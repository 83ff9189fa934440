package dev.cairn.actors;

import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.function.LongSupplier;

/**
 * What a node holds of its requests outside the journal, by kind. When no request is unfinished and
 * no reader is connected, every number is zero; tests read it to prove that.
 */
public final class LeakRegistry {
  private final Map<String, LongSupplier> kinds = new ConcurrentSkipListMap<>();

  /** Registers a kind of thing that is held for requests. */
  public void register(String kind, LongSupplier held) {
    if (kinds.putIfAbsent(kind, held) != null) {
      throw new IllegalArgumentException("the kind '" + kind + "' is registered already");
    }
  }

  /** How many of each kind are held now. */
  public Map<String, Long> held() {
    Map<String, Long> counts = new TreeMap<>();
    kinds.forEach((kind, held) -> counts.put(kind, held.getAsLong()));
    return counts;
  }
}
