package dev.cairn.simulation;

import dev.cairn.actors.TestTokenizer;
import dev.cairn.persistence.Band;
import dev.cairn.persistence.RequestEvent;
import dev.cairn.placement.Verdict;
import dev.cairn.request.Decision;
import dev.cairn.request.Effects;
import dev.cairn.request.LetGo;
import dev.cairn.request.Placement;
import dev.cairn.request.RequestProtocol;
import dev.cairn.request.RequestState;
import dev.cairn.scheduling.Admission;
import dev.cairn.scheduling.Handover;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * One life of a request's owner: what RequestActor does round the request protocol, without an
 * actor.
 */
final class SimulatedRequest implements Effects<Consumer<Effects.Answer>, SimulatedNode> {
  private static final int MAX_DEVICE_LOSSES = 1000;
  private static final long CHECK_NANOS = 700 * World.MS;
  private static final long ADOPT_NANOS = 400 * World.MS;
  private static final long RETRY_NANOS = 50 * World.MS;

  final String id;
  private final World world;
  private final SimulatedJournal journal;
  private final Client client;
  private final RequestProtocol<Consumer<Answer>, SimulatedNode> protocol;
  private final Deque<Function<RequestState, Decision<Consumer<Answer>, SimulatedNode>>> mailbox =
      new ArrayDeque<>();
  private RequestState state = RequestState.NONE;
  private boolean persisting;
  private boolean alive = true;
  private boolean checking;

  /** Who reads the request and is told of its changes. */
  interface Client {
    void sees(RequestState state);

    void timedOut();
  }

  SimulatedRequest(
      String id,
      World world,
      SimulatedJournal journal,
      Placement<SimulatedNode> placement,
      Client client) {
    this.id = id;
    this.world = world;
    this.journal = journal;
    this.client = client;
    this.protocol = new RequestProtocol<>(id, placement, new TestTokenizer(), MAX_DEVICE_LOSSES);
  }

  boolean isAlive() {
    return alive;
  }

  RequestState state() {
    return state;
  }

  void crash() {
    alive = false;
    mailbox.clear();
  }

  void recover() {
    for (RequestEvent event : journal.events(id)) {
      state = state.apply(event);
    }
    protocol.recovered(state, world.clockMillis()).whenDurable().accept(state, this);
  }

  void tell(Function<RequestProtocol<Consumer<Answer>, SimulatedNode>, Decider> what) {
    receive(state -> what.apply(protocol).on(state));
  }

  /** A command of the protocol with its arguments. */
  interface Decider {
    Decision<Consumer<Answer>, SimulatedNode> on(RequestState state);
  }

  void generated(SimulatedNode from, Handover handover) {
    receive(
        s -> {
          Decision<Consumer<Answer>, SimulatedNode> decision =
              protocol.generated(s, from, handover);
          boolean exact =
              handover.epoch() == s.epoch()
                  && handover.firstIndex() == s.tokens().size()
                  && s.finish().isEmpty();
          SimulatedNode.require(
              exact || decision.events().isEmpty(), "I3: " + handover + " is committed by " + s);
          return decision;
        });
  }

  void released(int epoch, LetGo why) {
    receive(s -> protocol.released(s, epoch, why));
  }

  void deviceLost(int epoch) {
    receive(s -> protocol.deviceLost(s, epoch));
  }

  void move(SimulatedNode from, int epoch) {
    receive(s -> protocol.move(s, from, epoch));
  }

  /** The node of the request does not answer, or seems not to. */
  void away(SimulatedNode node) {
    receive(s -> protocol.schedulerAway(s, node));
  }

  void evicted(int epoch) {
    receive(s -> protocol.evicted(s, epoch));
  }

  void adopted(int epoch) {
    receive(s -> protocol.adopted(s, epoch));
  }

  void notHeld(int epoch) {
    receive(s -> protocol.notHeld(s, epoch));
  }

  private void receive(Function<RequestState, Decision<Consumer<Answer>, SimulatedNode>> what) {
    if (alive) {
      mailbox.addLast(what);
      drain();
    }
  }

  private void drain() {
    while (alive && !persisting && !mailbox.isEmpty()) {
      perform(mailbox.removeFirst().apply(state));
    }
  }

  private void perform(Decision<Consumer<Answer>, SimulatedNode> decision) {
    if (decision.events().isEmpty()) {
      decision.whenDurable().accept(state, this);
      return;
    }
    persisting = true;
    journal.write(id, decision.events(), () -> written(decision));
  }

  private void written(Decision<Consumer<Answer>, SimulatedNode> decision) {
    if (alive) {
      for (RequestEvent event : decision.events()) {
        state = state.apply(event);
      }
      persisting = false;
      decision.whenDurable().accept(state, this);
      drain();
    }
  }

  @Override
  public void reply(Consumer<Answer> who, Answer answer) {
    who.accept(answer);
  }

  @Override
  public void open(RequestState current) {
    client.sees(current);
    if (!checking) {
      checking = true;
      check();
    }
  }

  private void check() {
    world.in(
        CHECK_NANOS,
        () -> {
          if (alive && state.finish().isEmpty()) {
            receive(protocol::check);
            check();
          }
        });
  }

  @Override
  public void forget() {}

  @Override
  public void accepted(RequestState current) {}

  @Override
  public void publish(RequestState current) {
    client.sees(current);
  }

  @Override
  public void measure(int firstIndex, int tokens) {}

  @Override
  public void admit(SimulatedNode scheduler, Admission admission) {
    world.send(() -> scheduler.admit(admission, this));
  }

  @Override
  public void adopt(SimulatedNode scheduler, int epoch, int nextIndex, Band band) {
    world.in(ADOPT_NANOS, () -> notHeld(epoch));
    world.send(() -> scheduler.adopt(id, epoch, nextIndex, band, this));
  }

  @Override
  public void prioritize(SimulatedNode scheduler, int epoch, Band band) {
    world.send(() -> scheduler.prioritize(id, epoch, band));
  }

  @Override
  public void explain(
      Consumer<Answer> who, RequestState current, List<Verdict> last, List<Verdict> now) {
    who.accept(Answer.KNOWN);
  }

  @Override
  public void joined(Consumer<Answer> who, String tenant, int depth, long rootSubmittedAtMillis) {
    throw new AssertionError("the simulated clients name no parents");
  }

  @Override
  public void joinParent(String parent) {
    throw new AssertionError("the simulated clients name no parents");
  }

  @Override
  public void leaveParent(String parent) {
    throw new AssertionError("the simulated clients name no parents");
  }

  @Override
  public void cancelChild(String child) {
    throw new AssertionError("the simulated clients name no parents");
  }

  @Override
  public void pending(Consumer<Answer> who, String code, String text) {
    who.accept(Answer.KNOWN);
  }

  @Override
  public void askPending(SimulatedNode scheduler, Consumer<Answer> who) {
    who.accept(Answer.KNOWN);
  }

  @Override
  public void progressWithin(long millis) {
    // Simulated requests may take as long as they like between two tokens.
  }

  @Override
  public void acknowledge(SimulatedNode scheduler, int epoch, int nextIndex) {
    world.send(() -> scheduler.committed(id, epoch, nextIndex));
  }

  @Override
  public void release(SimulatedNode scheduler, int epoch) {
    world.send(() -> scheduler.release(id, epoch));
  }

  @Override
  public void leave(SimulatedNode scheduler, int epoch, LetGo why) {
    world.send(() -> scheduler.leave(id, epoch, why, this));
  }

  @Override
  public void assignNow() {
    world.in(0, () -> receive(protocol::assignDue));
  }

  @Override
  public void assignLater() {
    world.in(RETRY_NANOS, () -> receive(protocol::assignDue));
  }

  @Override
  public void deadlineIn(long millis) {
    world.in(
        millis * World.MS,
        () -> {
          if (alive) {
            client.timedOut();
            receive(protocol::deadline);
          }
        });
  }

  @Override
  public void stale(RequestState current, Handover handover, boolean contradicts) {
    SimulatedNode.require(!contradicts, "I4: " + handover + " contradicts " + current);
  }

  @Override
  public void ended() {}

  @Override
  public void unneeded() {}
}
