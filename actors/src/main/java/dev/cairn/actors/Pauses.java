package dev.cairn.actors;

import dev.cairn.persistence.PauseEvent;
import java.util.Collections;
import java.util.Set;
import java.util.TreeSet;

/**
 * What is paused beside single requests; the fold of {@link PauseEvent}s.
 *
 * @param version how many events it is made of
 * @param tenants of which nothing runs, on no device
 * @param devices on which nothing runs
 */
public record Pauses(long version, Set<String> tenants, Set<String> devices) {
  /** Nothing is paused. */
  public static final Pauses NONE = new Pauses(0, Set.of(), Set.of());

  public Pauses {
    tenants = Collections.unmodifiableSet(new TreeSet<>(tenants));
    devices = Collections.unmodifiableSet(new TreeSet<>(devices));
  }

  /** After an event. */
  Pauses apply(PauseEvent event) {
    Set<String> nextTenants = new TreeSet<>(tenants);
    Set<String> nextDevices = new TreeSet<>(devices);
    if (event instanceof PauseEvent.TenantPaused) {
      nextTenants.add(event.name());
    } else if (event instanceof PauseEvent.TenantResumed) {
      nextTenants.remove(event.name());
    } else if (event instanceof PauseEvent.DevicePaused) {
      nextDevices.add(event.name());
    } else {
      nextDevices.remove(event.name());
    }
    return new Pauses(version + 1, nextTenants, nextDevices);
  }

  /** Whether an event would change anything. */
  boolean changes(PauseEvent event) {
    Pauses next = apply(event);
    return !next.tenants.equals(tenants) || !next.devices.equals(devices);
  }
}
