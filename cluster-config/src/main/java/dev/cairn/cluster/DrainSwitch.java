package dev.cairn.cluster;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * Whether this node is being emptied: it takes no new requests then, and where another gateway can
 * take them its streams end, so that their clients go on there. Safe for any number of threads.
 */
public final class DrainSwitch {
  /** Told of each change, at once. */
  @FunctionalInterface
  public interface Listener {
    /**
     * @param on whether the node takes no new requests
     * @param elsewhere whether clients find what they follow at another gateway
     */
    void changed(boolean on, boolean elsewhere);
  }

  private final List<Listener> listeners = new CopyOnWriteArrayList<>();
  private volatile boolean on;
  private volatile boolean elsewhere;

  public boolean isOn() {
    return on;
  }

  /** Changes it and tells everybody. */
  public void set(boolean nowOn, boolean nowElsewhere) {
    synchronized (this) {
      on = nowOn;
      elsewhere = nowElsewhere;
    }
    listeners.forEach(listener -> listener.changed(nowOn, nowElsewhere));
  }

  /** Tells the listener of each change from now on, and of the present where it is on. */
  public void onChange(Listener listener) {
    listeners.add(listener);
    boolean nowOn;
    boolean nowElsewhere;
    synchronized (this) {
      nowOn = on;
      nowElsewhere = elsewhere;
    }
    if (nowOn) {
      listener.changed(true, nowElsewhere);
    }
  }
}
