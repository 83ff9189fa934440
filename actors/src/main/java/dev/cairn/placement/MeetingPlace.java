package dev.cairn.placement;

import dev.cairn.persistence.RequestSpec;
import dev.cairn.persistence.Scheduling;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * Where requests meet that need one device: turns of a session, which must not overlap, and members
 * of a group, which start together. Gateways that never hear of each other's choices make the same
 * one, since it follows from names alone (rendezvous hashing: Thaler, Ravishankar, 1998): a device
 * that joins or leaves moves only what belongs there. A gateway that has placed one of them keeps
 * to its device while that can take them, so that a device that joins parts none that are at work.
 *
 * @param name of the session or group, its tenant included
 */
public record MeetingPlace(String name) {
  /** Of a request; a session comes before a group. */
  public static Optional<MeetingPlace> of(RequestSpec spec) {
    Scheduling scheduling = spec.scheduling();
    String tenant = scheduling.tenant() + '\n' + spec.modelFingerprint();
    if (!scheduling.session().isEmpty()) {
      return Optional.of(new MeetingPlace("session\n" + tenant + '\n' + scheduling.session()));
    }
    if (scheduling.groupSize() > 1) {
      return Optional.of(new MeetingPlace("group\n" + tenant + '\n' + scheduling.group()));
    }
    return Optional.empty();
  }

  /**
   * The device where they meet.
   *
   * @param devices that can take the request
   * @param last where others of them went, or empty
   * @return empty where no device can take it
   */
  String among(List<String> devices, String last) {
    if (devices.contains(last)) {
      return last;
    }
    return devices.stream()
        .max(Comparator.comparingLong(this::weight).thenComparing(Comparator.naturalOrder()))
        .orElse("");
  }

  private long weight(String device) {
    long hash = 0xcbf29ce484222325L;
    String text = name + '\n' + device;
    for (int i = 0; i < text.length(); i++) {
      hash = (hash ^ text.charAt(i)) * 0x100000001b3L;
    }
    // The last characters decide as much as the first ones.
    hash = (hash ^ (hash >>> 33)) * 0xff51afd7ed558ccdL;
    return hash ^ (hash >>> 33);
  }
}
