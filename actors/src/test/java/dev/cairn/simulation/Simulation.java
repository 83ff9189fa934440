package dev.cairn.simulation;

import static dev.cairn.simulation.SimulatedNode.require;

import dev.cairn.device.SlotSpec;
import dev.cairn.model.Sampling;
import dev.cairn.persistence.Band;
import dev.cairn.persistence.FinishReason;
import dev.cairn.persistence.RequestEvent;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.persistence.Scheduling;
import dev.cairn.placement.Need;
import dev.cairn.request.Choice;
import dev.cairn.request.Effects.Answer;
import dev.cairn.request.Placement;
import dev.cairn.request.RequestState;
import dev.cairn.request.Target;
import dev.cairn.scheduling.SchedulingStats;
import dev.cairn.scheduling.SimulatedDevice;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Clients, requests, a journal, devices and the network between them under one seed. Processes die,
 * devices fail, messages are lost, repeated and overtaken, disks are slow, clocks are set, until a
 * horizon; then all is well again and every request has to come to its right end.
 */
final class Simulation {
  private static final int END_EVERY = 60;
  private static final long HORIZON = 2500 * World.MS;
  private static final long PATIENCE = 60_000 * World.MS;
  private static final long HOUR_MILLIS = 3_600_000;

  final World world;
  private final SimulatedJournal journal;
  private final List<Reader> readers = new ArrayList<>();
  private final Map<String, SimulatedRequest> requests = new HashMap<>();
  private final SimulatedNode[] nodes = new SimulatedNode[2];
  private boolean gatewayUp = true;
  private boolean over;
  private int crashes;

  Simulation(long seed, boolean traced) {
    world = new World(seed, traced);
    journal = new SimulatedJournal(world);
    for (int i = 0; i < nodes.length; i++) {
      nodes[i] = new SimulatedNode(world, "node-" + i, END_EVERY);
    }
    int count = (int) world.between(2, 6);
    for (int i = 0; i < count; i++) {
      Reader reader = new Reader(i);
      readers.add(reader);
      world.in(world.between(0, 500) * World.MS, reader::submit);
    }
    world.in(world.between(1, 300) * World.MS, this::misfortune);
    world.in(HORIZON, this::calm);
  }

  /** Runs to the end. */
  void run() {
    long checked = -1;
    for (int steps = 0; world.step(); steps++) {
      if (journal.version() != checked) {
        checked = journal.version();
        readers.forEach(Reader::check);
      }
      if (over && steps % 64 == 0 && isDone()) {
        return;
      }
      require(world.now() < HORIZON + PATIENCE, "nothing comes to an end: " + readers);
    }
  }

  int crashes() {
    return crashes;
  }

  /** I6: every request has ended and nothing of any is left. */
  private boolean isDone() {
    if (!readers.stream().allMatch(Reader::isDone)) {
      return false;
    }
    for (SimulatedNode node : nodes) {
      SchedulingStats stats = node.stats();
      if (stats.entries() + stats.slotsInUse() + stats.kvBlocksUsed() + node.held() > 0) {
        return false;
      }
    }
    return true;
  }

  private void misfortune() {
    if (over) {
      return;
    }
    switch (world.random.nextInt(11)) {
      case 0, 1 -> crashGateway();
      case 2 -> crashNode(world.random.nextInt(nodes.length));
      case 3 -> nodes[world.random.nextInt(nodes.length)].loseDevice();
      case 4 -> journal.slow = !journal.slow;
      case 5 -> world.setClock(world.chance(2) ? HOUR_MILLIS : -HOUR_MILLIS);
      case 6 -> {
        crashGateway();
        crashNode(0);
        crashNode(1);
      }
      case 7, 8 -> drainOrUndrain(nodes[world.random.nextInt(nodes.length)]);
      case 9 -> {
        // Whether or not it is: epochs fence.
        SimulatedNode away = nodes[world.random.nextInt(nodes.length)];
        requests.values().forEach(request -> request.away(away));
      }
      default -> readers.get(world.random.nextInt(readers.size())).meddle();
    }
    world.in(world.between(1, 300) * World.MS, this::misfortune);
  }

  private void drainOrUndrain(SimulatedNode node) {
    world.trace("%s is %s", node.name, node.isDraining() ? "no longer drained" : "drained");
    if (node.isDraining()) {
      node.undrain();
    } else {
      node.drain();
    }
  }

  private void calm() {
    over = true;
    world.chaotic = false;
    journal.slow = false;
    if (nodes[0].isDraining() && nodes[1].isDraining()) {
      nodes[0].undrain();
    }
    readers.forEach(Reader::insist);
  }

  private void crashGateway() {
    if (!gatewayUp) {
      return;
    }
    world.trace("the gateway dies");
    crashes++;
    gatewayUp = false;
    journal.crash();
    for (SimulatedRequest request : requests.values()) {
      request.crash();
      for (SimulatedNode node : nodes) {
        node.ownerGone(request);
      }
    }
    requests.clear();
    world.in(world.between(1, 200) * World.MS, this::startGateway);
  }

  private void startGateway() {
    world.trace("the gateway starts");
    gatewayUp = true;
    for (String id : journal.requestIds()) {
      if (journal.state(id).isUnfinished() || world.chance(2)) {
        request(id);
      }
    }
  }

  private void crashNode(int index) {
    world.trace("%s dies", nodes[index].name);
    crashes++;
    nodes[index].crash();
    nodes[index] = new SimulatedNode(world, nodes[index].name, END_EVERY);
  }

  /** The owner of a request on the gateway, brought to life where it is not there. */
  private SimulatedRequest request(String id) {
    return requests.computeIfAbsent(
        id,
        unknown -> {
          Reader reader = readers.get(Integer.parseInt(id.substring(1)));
          SimulatedRequest request = new SimulatedRequest(id, world, journal, new Nodes(), reader);
          reader.ownerStarts();
          request.recover();
          return request;
        });
  }

  private final class Nodes implements Placement<SimulatedNode> {
    @Override
    public Choice<SimulatedNode> choose(Need need) {
      List<SimulatedNode> fit =
          Arrays.stream(nodes)
              .filter(node -> !node.name.equals(need.except()))
              // A gateway may not have heard yet.
              .filter(node -> !node.isDraining() || world.chaotic && world.chance(4))
              .toList();
      return fit.isEmpty() || world.chaotic && world.chance(10)
          ? Choice.none()
          : Choice.of(target(fit.get(world.random.nextInt(fit.size()))));
    }

    @Override
    public Optional<Target<SimulatedNode>> named(String device, RequestSpec spec) {
      return Arrays.stream(nodes)
          .filter(node -> node.name.equals(device))
          .findFirst()
          .map(this::target);
    }

    private Target<SimulatedNode> target(SimulatedNode node) {
      return new Target<>(node.name, "sim-1", node);
    }
  }

  /** A client with its request, who remembers all it was ever shown. */
  private final class Reader implements SimulatedRequest.Client {
    private final String id;
    private final int[] prompt;
    private final int maxTokens;
    private final long timeoutMillis;
    private final int[] expected;
    private RequestSpec spec;
    private long submittedAt;
    private boolean submitted;
    private boolean acknowledged;
    private boolean cancelled;
    private boolean mayTimeOutEarly;
    private int seen;
    private boolean seenEnd;
    private long clockAtSubmit;

    Reader(int index) {
      id = "r" + index;
      prompt = world.random.ints(world.between(1, 20), 1, SimulatedDevice.POISON).toArray();
      maxTokens = (int) world.between(1, 40);
      timeoutMillis = world.chance(4) ? world.between(20, 4000) : 0;
      long seed = world.random.nextLong();
      boolean ignoreEos = world.chance(2);
      expected =
          SimulatedDevice.expected(
              new SlotSpec(prompt, prompt.length, Sampling.GREEDY, seed, -1, false),
              maxTokens,
              ignoreEos,
              END_EVERY);
      spec =
          RequestSpec.of(id, "m", "f", prompt)
              .maxTokens(maxTokens)
              .seed(seed)
              .ignoreEos(ignoreEos)
              .timeoutMillis(timeoutMillis)
              .scheduling(scheduling())
              .build();
    }

    private Scheduling scheduling() {
      Band[] bands = Band.values();
      return Scheduling.DEFAULT
          .withBand(bands[world.random.nextInt(bands.length)])
          .withTenant("t" + world.random.nextInt(2))
          .withSession(world.chance(3) ? "s" : "");
    }

    /** Submits until it is acknowledged. */
    void submit() {
      if (acknowledged) {
        return;
      }
      if (!submitted) {
        submitted = true;
        submittedAt = world.now();
        clockAtSubmit = world.clockMillis();
      }
      RequestSpec now = at(clockAtSubmit);
      if (gatewayUp) {
        Consumer<Answer> client =
            answer -> {
              require(answer == Answer.KNOWN, id + " was answered " + answer);
              require(journal.state(id).spec().isPresent(), "I2: " + id + " is not durable");
              acknowledged = true;
            };
        long clock = world.clockMillis();
        request(id).tell(p -> s -> p.submit(s, now, client, clock));
      }
      world.in(world.between(100, 600) * World.MS, this::submit);
    }

    private RequestSpec at(long millis) {
      return RequestSpec.of(id, "m", "f", prompt)
          .submittedAtMillis(millis)
          .maxTokens(maxTokens)
          .seed(spec.seed())
          .ignoreEos(spec.ignoreEos())
          .timeoutMillis(timeoutMillis)
          .build();
    }

    /** Pauses, resumes, cancels, or changes the band. */
    void meddle() {
      if (!gatewayUp || !acknowledged) {
        return;
      }
      SimulatedRequest request = request(id);
      switch (world.random.nextInt(7)) {
        case 5, 6 -> {
          Band band = Band.values()[world.random.nextInt(Band.values().length)];
          request.tell(p -> s -> p.prioritize(s, band, answer -> {}));
        }
        case 0, 1 -> request.tell(p -> s -> p.pause(s, answer -> {}));
        case 2, 3 -> request.tell(p -> s -> p.resume(s, answer -> {}));
        default -> {
          cancelled = true;
          request.tell(p -> s -> p.cancel(s, answer -> requireEnd()));
        }
      }
    }

    private void requireEnd() {
      require(journal.state(id).finish().isPresent(), "I8: a cancel is acknowledged, no end");
    }

    /** All is well again: whatever is paused has to go on. */
    void insist() {
      if (isDone()) {
        return;
      }
      if (gatewayUp && acknowledged) {
        if (cancelled) {
          request(id).tell(p -> s -> p.cancel(s, answer -> requireEnd()));
        } else {
          request(id).tell(p -> s -> p.resume(s, answer -> {}));
        }
      }
      world.in(1000 * World.MS, this::insist);
    }

    boolean isDone() {
      return journal.state(id).finish().isPresent() && seenEnd;
    }

    @Override
    public void timedOut() {
      // Within one life of the gateway timers are monotonic; over its death the wall clock decides.
      long elapsed = (world.now() - submittedAt) / World.MS;
      require(
          elapsed + 1 >= timeoutMillis || mayTimeOutEarly,
          "a deadline of " + timeoutMillis + " ms came after " + elapsed + " ms");
    }

    /** A process that starts knows the wall clock alone. */
    void ownerStarts() {
      long elapsed = (world.now() - submittedAt) / World.MS;
      mayTimeOutEarly |= submitted && world.clockMillis() - clockAtSubmit > elapsed + 1;
    }

    @Override
    public void sees(RequestState state) {
      RequestState durable = journal.state(id);
      int count = state.tokens().size();
      require(count <= durable.tokens().size(), "I2: " + id + " is shown what is not durable");
      require(count >= seen, "a token was taken back from " + id);
      for (int i = seen; i < count; i++) {
        require(i < expected.length, "I4: " + id + " has more tokens than it should");
        require(state.tokens().get(i) == expected[i], "I4: token " + i + " of " + id + " is wrong");
      }
      seen = count;
      if (state.finish().isPresent()) {
        require(durable.finish().isPresent(), "I2: the end of " + id + " is not durable");
        seenEnd = true;
      } else {
        require(!seenEnd, id + " goes on after its end");
      }
    }

    /** What holds of the journal at every moment. */
    void check() {
      RequestState durable = journal.state(id);
      require(!acknowledged || durable.spec().isPresent(), "an acknowledged request is gone");
      durable.finish().ifPresent(finish -> checkEnd(durable, finish.reason()));
    }

    private void checkEnd(RequestState durable, FinishReason reason) {
      int count = durable.tokens().size();
      boolean whole = count == expected.length;
      boolean ends = whole && expected[count - 1] == SimulatedDevice.END && !spec.ignoreEos();
      switch (reason) {
        case STOP -> require(ends, "I4: " + id + " stopped after " + count);
        case LENGTH -> require(whole, "I4: " + id + " ended after " + count);
        case CANCELLED -> require(cancelled, id + " was cancelled by nobody");
        case TIMEOUT -> require(timeoutMillis > 0, id + " has no deadline");
        case ERROR -> throw new AssertionError(id + " failed: " + durable.finish());
      }
      long finishes =
          journal.events(id).stream().filter(RequestEvent.Finished.class::isInstance).count();
      require(finishes == 1, "R5: " + id + " finished " + finishes + " times");
    }

    @Override
    public String toString() {
      return id + " seen " + seen + " of " + expected.length + ", " + journal.state(id).snapshot();
    }
  }
}
