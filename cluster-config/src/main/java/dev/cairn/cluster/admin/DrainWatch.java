package dev.cairn.cluster.admin;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.OptionalInt;
import org.apache.pekko.actor.typed.ActorRef;

/** What is known of a node that is being emptied, and who waits for it. Without actors. */
final class DrainWatch {
  /** Most askers that wait; one more and the first is told how it is. */
  private static final int MAX_WAITERS = 16;

  private final Deque<ActorRef<NodeAdmin.Reply>> waiting = new ArrayDeque<>();
  private boolean on;
  private OptionalInt shards = OptionalInt.empty();
  private OptionalInt deviceRequests = OptionalInt.empty();

  /** Begins anew: nothing is known to be empty. */
  void begin() {
    on = true;
    shards = OptionalInt.empty();
    deviceRequests = OptionalInt.empty();
  }

  void end() {
    on = false;
  }

  boolean isOn() {
    return on;
  }

  void shards(int now) {
    shards = OptionalInt.of(now);
  }

  void device(int requests) {
    deviceRequests = OptionalInt.of(requests);
  }

  void add(ActorRef<NodeAdmin.Reply> asker, DrainReport now) {
    if (waiting.size() == MAX_WAITERS) {
      waiting.removeFirst().tell(new NodeAdmin.DrainState(now));
    }
    waiting.addLast(asker);
  }

  void tellAll(DrainReport now) {
    waiting.forEach(asker -> asker.tell(new NodeAdmin.DrainState(now)));
    waiting.clear();
  }

  /**
   * How far it is.
   *
   * @param requests unfinished requests whose actors are here
   * @param gateway whether the node has requests
   * @param device whether it has a device
   * @param elsewhere whether another gateway can take its shards
   */
  DrainReport report(
      String node, int requests, boolean gateway, boolean device, boolean elsewhere) {
    boolean moved = !gateway || !elsewhere || shards.orElse(-1) == 0;
    boolean emptyDevice = !device || deviceRequests.orElse(-1) == 0;
    return new DrainReport(
        node,
        on,
        on && requests == 0 && moved && emptyDevice,
        requests,
        elsewhere ? shards.orElse(0) : 0,
        deviceRequests.orElse(0));
  }
}
