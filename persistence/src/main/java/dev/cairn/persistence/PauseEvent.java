package dev.cairn.persistence;

import java.util.Objects;

/** What the journal holds of pauses that are not one request's: a name that is paused or not. */
public sealed interface PauseEvent {
  /** Longest name, in characters. */
  int MAX_NAME = 200;

  /** Of the tenant or the device. */
  String name();

  /** Nothing of a tenant is generated, on any device, until it is resumed. */
  record TenantPaused(String name) implements PauseEvent {
    public TenantPaused {
      check(name);
    }
  }

  /** A tenant goes on. */
  record TenantResumed(String name) implements PauseEvent {
    public TenantResumed {
      check(name);
    }
  }

  /** Nothing is generated on a device until it is resumed. */
  record DevicePaused(String name) implements PauseEvent {
    public DevicePaused {
      check(name);
    }
  }

  /** A device goes on. */
  record DeviceResumed(String name) implements PauseEvent {
    public DeviceResumed {
      check(name);
    }
  }

  private static void check(String name) {
    Objects.requireNonNull(name, "a pause without a name");
    if (name.isEmpty() || name.length() > MAX_NAME) {
      throw new IllegalArgumentException(
          "a name of " + name.length() + " characters, expected 1 to " + MAX_NAME);
    }
  }
}
