package dev.cairn.scheduling;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Groups some of whose members have not come yet. A group is admitted when all are here, as one. A
 * member that has output already was admitted with its group before and goes on alone.
 */
final class Groups {
  private final long patienceNanos;
  private final Map<Name, Group> gathering = new LinkedHashMap<>();

  private record Name(String tenant, String group) {}

  /** Sequences that are admitted together and fall together. */
  static final class Group {
    final int size;
    final List<Sequence> members = new ArrayList<>();
    private final Name name;
    private long sinceNanos;
    private boolean ranBefore;

    private Group(Name name, int size) {
      this.name = name;
      this.size = size;
    }
  }

  Groups(long patienceNanos) {
    this.patienceNanos = patienceNanos;
  }

  /**
   * A member comes.
   *
   * @return the group, if it is complete now
   */
  Optional<Group> enter(Sequence member, long nowNanos) {
    Standing standing = member.standing;
    Name name = new Name(standing.tenant(), standing.group());
    Group group = gathering.computeIfAbsent(name, n -> new Group(n, standing.groupSize()));
    group.members.add(member);
    group.sinceNanos = nowNanos;
    group.ranBefore |= member.epoch > 1;
    member.group = Optional.of(group);
    return group.members.size() < group.size
        ? Optional.empty()
        : Optional.of(gathering.remove(name));
  }

  /** A member leaves before it was admitted, or is gone. */
  void remove(Sequence member) {
    member.group.ifPresent(
        group -> {
          group.members.remove(member);
          if (group.members.isEmpty()) {
            gathering.remove(group.name, group);
          }
        });
  }

  /**
   * Groups that wait for members which may have ended in an earlier attempt: they go without them
   * once nobody has come for long enough.
   */
  List<Group> overdue(long nowNanos) {
    if (gathering.isEmpty()) {
      return List.of();
    }
    List<Group> overdue = new ArrayList<>();
    for (Iterator<Group> all = gathering.values().iterator(); all.hasNext(); ) {
      Group group = all.next();
      if (group.ranBefore && nowNanos - group.sinceNanos >= patienceNanos) {
        overdue.add(group);
        all.remove();
      }
    }
    return overdue;
  }
}
