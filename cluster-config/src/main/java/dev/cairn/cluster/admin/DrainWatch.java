package dev.cairn.cluster.admin;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalInt;
import org.apache.pekko.actor.typed.ActorRef;

/** What is known of a node that is being emptied, and who waits for it. Without actors. */
final class DrainWatch {
  /** Most askers that wait; one more and the first is told how it is. */
  private static final int MAX_WAITERS = 16;

  private final Deque<ActorRef<NodeAdmin.Reply>> waiting = new ArrayDeque<>();
  private boolean on;
  private OptionalInt shards = OptionalInt.empty();

  /** Of each device that has said how many it holds. */
  private final Map<Integer, Integer> deviceRequests = new HashMap<>();

  /** Begins anew: nothing is known to be empty. */
  void begin() {
    on = true;
    shards = OptionalInt.empty();
    deviceRequests.clear();
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

  void device(int number, int requests) {
    deviceRequests.put(number, requests);
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
   * @param devices how many it has
   * @param elsewhere whether another gateway can take its shards
   */
  DrainReport report(String node, int requests, boolean gateway, int devices, boolean elsewhere) {
    boolean moved = !gateway || !elsewhere || shards.orElse(-1) == 0;
    int held = deviceRequests.values().stream().mapToInt(Integer::intValue).sum();
    boolean emptyDevices = deviceRequests.size() == devices && held == 0;
    return new DrainReport(
        node,
        on,
        on && requests == 0 && moved && emptyDevices,
        requests,
        elsewhere ? shards.orElse(0) : 0,
        held);
  }
}
