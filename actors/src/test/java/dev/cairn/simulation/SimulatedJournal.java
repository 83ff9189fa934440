package dev.cairn.simulation;

import dev.cairn.persistence.RequestEvent;
import dev.cairn.request.RequestState;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A journal with group commit. A write is whole or absent; when the process dies, some of the
 * writes of the commit under way are there, the earlier ones first, and nobody was told.
 */
final class SimulatedJournal {
  private final World world;
  private final Map<String, List<RequestEvent>> durable = new HashMap<>();

  /** The fold of what is durable; a sequence of events that does not fold is an error of Cairn. */
  private final Map<String, RequestState> states = new HashMap<>();

  private List<Write> waiting = new ArrayList<>();
  private List<Write> committing = new ArrayList<>();
  private int incarnation;
  private long version;

  /** While true a commit takes long. */
  boolean slow;

  private record Write(String requestId, List<RequestEvent> events, Runnable whenDurable) {}

  SimulatedJournal(World world) {
    this.world = world;
  }

  void write(String requestId, List<RequestEvent> events, Runnable whenDurable) {
    waiting.add(new Write(requestId, events, whenDurable));
    if (committing.isEmpty()) {
      commit();
    }
  }

  private void commit() {
    committing = waiting;
    waiting = new ArrayList<>();
    int current = incarnation;
    long takes = slow ? world.between(100, 900) * World.MS : world.between(200, 3000) * 1000;
    world.in(takes, () -> committed(current));
  }

  private void committed(int of) {
    if (of != incarnation) {
      return;
    }
    List<Write> done = committing;
    done.forEach(this::store);
    committing = new ArrayList<>();
    if (!waiting.isEmpty()) {
      commit();
    }
    done.forEach(write -> write.whenDurable().run());
  }

  private void store(Write write) {
    for (RequestEvent event : write.events()) {
      durable.computeIfAbsent(write.requestId(), id -> new ArrayList<>()).add(event);
      RequestState before = states.getOrDefault(write.requestId(), RequestState.NONE);
      states.put(write.requestId(), before.apply(event));
      version++;
      world.trace("durable: %s", event);
    }
  }

  /** The process dies. */
  void crash() {
    incarnation++;
    int survive = committing.isEmpty() ? 0 : world.random.nextInt(committing.size() + 1);
    committing.subList(0, survive).forEach(this::store);
    committing = new ArrayList<>();
    waiting = new ArrayList<>();
  }

  /** Grows with every event. */
  long version() {
    return version;
  }

  List<String> requestIds() {
    return durable.keySet().stream().sorted().toList();
  }

  List<RequestEvent> events(String requestId) {
    return durable.getOrDefault(requestId, List.of());
  }

  RequestState state(String requestId) {
    return states.getOrDefault(requestId, RequestState.NONE);
  }
}
