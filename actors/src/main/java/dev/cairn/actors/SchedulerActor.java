package dev.cairn.actors;

import dev.cairn.device.DeviceInfo;
import dev.cairn.device.StepResult;
import dev.cairn.model.grammar.Languages;
import dev.cairn.persistence.Band;
import dev.cairn.placement.DeviceStatus;
import dev.cairn.request.LetGo;
import dev.cairn.request.SchedulerProtocol;
import dev.cairn.scheduling.Admission;
import dev.cairn.scheduling.PendingReason;
import dev.cairn.scheduling.SchedulingCore;
import dev.cairn.scheduling.SchedulingLimits;
import dev.cairn.scheduling.SchedulingPolicy;
import dev.cairn.scheduling.SchedulingStats;
import dev.cairn.scheduling.StepPlan;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.function.IntPredicate;
import java.util.function.LongSupplier;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.PreRestart;
import org.apache.pekko.actor.typed.SupervisorStrategy;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;
import org.apache.pekko.actor.typed.receptionist.ServiceKey;

/**
 * Batches the requests of one device: a shell round the {@link SchedulingCore} that turns messages
 * into calls and what comes of them into messages. It plans the next step before it hands out the
 * tokens of the last one, so that the device does not wait for the JVM.
 */
public final class SchedulerActor extends AbstractBehavior<SchedulerActor.Command> {
  /** What a scheduler understands. */
  public sealed interface Command extends ClusterMessage {}

  /** Under which schedulers are found in a cluster. */
  public static final ServiceKey<Command> KEY = ServiceKey.create(Command.class, "scheduler");

  /** Run this request; its tokens go to the owner. */
  public record Admit(Admission admission, ActorRef<RequestActor.Command> owner)
      implements Command {
    public Admit {
      Objects.requireNonNull(admission, "an Admit without its admission");
      Objects.requireNonNull(owner, "an Admit without its owner");
    }
  }

  /** The owner committed its tokens up to an index. */
  public record Committed(String requestId, int epoch, int nextIndex) implements Command {}

  /** The owner ended the request itself. */
  public record Release(String requestId, int epoch) implements Command {}

  /**
   * Let go of a request; the owner gets {@link RequestActor.Released} when no step holds it.
   *
   * @param epoch the owner's; a newer one stays
   */
  public record Leave(String requestId, ActorRef<RequestActor.Command> owner, int epoch, LetGo why)
      implements Command {}

  /** Let go of a request at once, while its owner is busy writing; the owner hears of it. */
  public record LeaveNow(String requestId, LetGo why) implements Command {}

  /**
   * A new owner asks for an epoch that may still run here, and gets {@link RequestActor.Adopted} or
   * {@link RequestActor.NotHeld}.
   *
   * @param nextIndex number of tokens that are committed
   * @param band its urgency now
   */
  public record Adopt(
      String requestId, int epoch, int nextIndex, Band band, ActorRef<RequestActor.Command> owner)
      implements Command {
    public Adopt {
      Objects.requireNonNull(band, "an Adopt without its band");
    }
  }

  /** Why does a request wait? Answered with {@link RequestActor.Pending}. */
  public record AskPending(String requestId, ActorRef<RequestActor.Reply> replyTo)
      implements Command {}

  /**
   * Asks what the device is and how busy; answered while there is one.
   *
   * @param question number that the answer carries
   */
  public record Describe(long question, ActorRef<DeviceDirectory.Command> replyTo)
      implements Command {}

  /** A request's urgency changed. */
  public record Prioritize(String requestId, int epoch, Band band) implements Command {}

  /**
   * Take no more requests and have those that are here moved; answered when none is left. One that
   * no other device can take ends here.
   */
  public record Drain(ActorRef<DrainState> replyTo) implements Command {}

  /** Take requests again. */
  public record Undrain(ActorRef<DrainState> replyTo) implements Command {}

  /**
   * How far the device is emptied.
   *
   * @param draining whether it takes no requests
   * @param requests how many are here
   */
  public record DrainState(boolean draining, int requests) implements ClusterMessage {}

  /** It is known what a request may draw next that is held to a grammar. */
  private enum Guided implements Command {
    INSTANCE
  }

  /**
   * Run nothing of what is paused; answered with {@link PauseActor.Applied} when no step holds any
   * of it.
   */
  public record SetPauses(Pauses pauses, ActorRef<PauseActor.Command> replyTo) implements Command {
    public SetPauses {
      Objects.requireNonNull(pauses, "a SetPauses without what is paused");
    }
  }

  /** Run nothing until {@link SetPauses} comes for the first time. */
  public enum AwaitPauses implements Command {
    INSTANCE
  }

  private enum TellTenants implements Command {
    INSTANCE
  }

  private enum RepeatOverdue implements Command {
    INSTANCE
  }

  record OwnerGone(String requestId, ActorRef<RequestActor.Command> owner) implements Command {}

  private record OrphanDue(String requestId, ActorRef<RequestActor.Command> owner)
      implements Command {}

  /** The device is open and empty. */
  public record DeviceUp(int generation, DeviceInfo info) implements Command {}

  /** The device is lost, with all that was on it. */
  public record DeviceDown(int generation) implements Command {}

  /** A step ended. */
  public record StepDone(int generation, StepResult result) implements Command {}

  /** Asks where the scheduler stands. */
  public record GetStats(ActorRef<SchedulingStats> replyTo) implements Command {}

  /**
   * Whose scheduler it is.
   *
   * @param node where it is, to name its device in the cluster; empty on a node of its own
   * @param model that it serves
   */
  public record Identity(String node, DeviceStatus.Served model) {
    String device(DeviceInfo info) {
      return info.backendName() + "-" + info.number() + (node.isEmpty() ? "" : "@" + node);
    }
  }

  /**
   * What holds outputs to grammars.
   *
   * @param executor works out what may follow where that is not known yet
   */
  public record Guidance(Languages languages, Executor executor) {}

  /**
   * How long a scheduler waits for owners.
   *
   * @param orphanTimeout how long a request whose owner is gone keeps its place
   * @param repeatAfter when a hand-over that is not acknowledged is repeated
   */
  public record Patience(Duration orphanTimeout, Duration repeatAfter) {}

  /** How often telemetry hears where tenants stand. */
  private static final Duration TELL_TENANTS = Duration.ofSeconds(1);

  /** Most askers that wait for a device to be empty; one more and the first is told how it is. */
  private static final int MAX_DRAIN_WAITERS = 16;

  /** What survives a failure of this actor. */
  private static final class Draining {
    boolean on;
    final Deque<ActorRef<DrainState>> waiting = new ArrayDeque<>();
  }

  private final SchedulingCore core;
  private final SchedulerProtocol<ActorRef<RequestActor.Command>> protocol;
  private final ActorRef<GpuActor.Command> device;
  private final Telemetry telemetry;
  private final StepMeter meter;
  private final LongSupplier nanoTime;
  private final TimerScheduler<Command> timers;
  private final Identity identity;
  private final SchedulingLimits limits;
  private final Patience patience;
  private final Draining draining;
  private final PauseOrders pauses;

  /** Number of the open device, or 0 while there is none. */
  private int generation;

  private DeviceInfo info;

  /**
   * @param limits bounds of the scheduler; the device is opened with the same
   * @param policy how it chooses among those that wait
   * @param endsGeneration tokens with which the model says that it has finished
   * @param guidance holds outputs to their grammars
   * @param gpu makes the device's actor, which is told this scheduler
   */
  public static Behavior<Command> create(
      Identity identity,
      SchedulingLimits limits,
      SchedulingPolicy policy,
      IntPredicate endsGeneration,
      Guidance guidance,
      GpuActor.Factory gpu,
      Telemetry telemetry,
      LongSupplier nanoTime,
      Patience patience) {
    Draining draining = new Draining();
    PauseOrders pauses = new PauseOrders();
    Behavior<Command> scheduler =
        Behaviors.setup(
            context ->
                Behaviors.withTimers(
                    timers ->
                        new SchedulerActor(
                            context,
                            timers,
                            identity,
                            limits,
                            new SchedulingCore(
                                limits,
                                policy,
                                endsGeneration,
                                new GrammarGuides(
                                    guidance.languages(),
                                    guidance.executor(),
                                    () -> context.getSelf().tell(Guided.INSTANCE))),
                            gpu.spawn(context, context.getSelf()),
                            telemetry,
                            nanoTime,
                            patience,
                            draining,
                            pauses)));
    return Behaviors.supervise(scheduler).onFailure(SupervisorStrategy.restart());
  }

  private SchedulerActor(
      ActorContext<Command> context,
      TimerScheduler<Command> timers,
      Identity identity,
      SchedulingLimits limits,
      SchedulingCore core,
      ActorRef<GpuActor.Command> device,
      Telemetry telemetry,
      LongSupplier nanoTime,
      Patience patience,
      Draining draining,
      PauseOrders pauses) {
    super(context);
    this.timers = timers;
    this.identity = identity;
    this.limits = limits;
    this.patience = patience;
    this.core = core;
    this.protocol = new SchedulerProtocol<>(core, new OwnerMessages(context, timers));
    this.device = device;
    this.telemetry = telemetry;
    this.meter = new StepMeter(telemetry);
    this.nanoTime = nanoTime;
    this.draining = draining;
    this.pauses = pauses;
    pauses.applyTo(core, device());
    if (draining.on) {
      protocol.drain();
    }
    timers.startTimerWithFixedDelay(RepeatOverdue.INSTANCE, patience.repeatAfter());
    timers.startTimerWithFixedDelay(TellTenants.INSTANCE, TELL_TENANTS);
  }

  @Override
  public Receive<Command> createReceive() {
    return newReceiveBuilder()
        .onMessage(StepDone.class, this::onStepDone)
        .onMessage(Committed.class, this::onCommitted)
        .onMessage(Admit.class, this::onAdmit)
        .onMessage(Guided.class, guided -> goOn())
        .onMessage(Release.class, this::onRelease)
        .onMessage(Leave.class, this::onLeave)
        .onMessage(LeaveNow.class, this::onLeaveNow)
        .onMessage(Adopt.class, this::onAdopt)
        .onMessage(RepeatOverdue.class, repeat -> onRepeatOverdue())
        .onMessage(TellTenants.class, tell -> onTellTenants())
        .onMessage(Prioritize.class, this::onPrioritize)
        .onMessage(Drain.class, this::onDrain)
        .onMessage(Undrain.class, this::onUndrain)
        .onMessage(SetPauses.class, this::onSetPauses)
        .onMessage(AwaitPauses.class, this::onAwaitPauses)
        .onMessage(OwnerGone.class, this::onOwnerGone)
        .onMessage(OrphanDue.class, this::onOrphanDue)
        .onMessage(DeviceUp.class, this::onDeviceUp)
        .onMessage(DeviceDown.class, this::onDeviceDown)
        .onMessage(Describe.class, this::onDescribe)
        .onMessage(AskPending.class, this::onAskPending)
        .onMessage(GetStats.class, this::onGetStats)
        .onSignal(PreRestart.class, restart -> onRestart())
        .build();
  }

  private Behavior<Command> onAdmit(Admit admit) {
    protocol.admit(admit.admission(), admit.owner(), nanoTime.getAsLong());
    return goOn();
  }

  private Behavior<Command> onStepDone(StepDone done) {
    if (done.generation() != generation) {
      telemetry.staleResult();
      return this;
    }
    StepResult result = done.result();
    meter.ended(result);
    core.complete(result).ifPresent(step -> meter.completed(step, result));
    return goOn();
  }

  private Behavior<Command> onCommitted(Committed committed) {
    protocol.committed(
        committed.requestId(), committed.epoch(), committed.nextIndex(), nanoTime.getAsLong());
    return goOn();
  }

  private Behavior<Command> onRelease(Release release) {
    protocol.release(release.requestId(), release.epoch());
    return goOn();
  }

  private Behavior<Command> onLeave(Leave leave) {
    protocol.leave(leave.requestId(), leave.epoch(), leave.why(), leave.owner());
    return goOn();
  }

  private Behavior<Command> onLeaveNow(LeaveNow leave) {
    protocol.leaveNow(leave.requestId(), leave.why());
    return goOn();
  }

  private Behavior<Command> onAdopt(Adopt adopt) {
    protocol.adopt(
        adopt.requestId(),
        adopt.epoch(),
        adopt.nextIndex(),
        adopt.band(),
        adopt.owner(),
        nanoTime.getAsLong());
    return goOn();
  }

  private Behavior<Command> onPrioritize(Prioritize prioritize) {
    protocol.prioritize(prioritize.requestId(), prioritize.epoch(), prioritize.band());
    return goOn();
  }

  private Behavior<Command> onDrain(Drain drain) {
    draining.on = true;
    if (draining.waiting.size() == MAX_DRAIN_WAITERS) {
      draining.waiting.removeFirst().tell(drainState());
    }
    draining.waiting.addLast(drain.replyTo());
    getContext().getLog().info("the device is drained; {} requests are here", held());
    protocol.drain();
    return goOn();
  }

  private Behavior<Command> onUndrain(Undrain undrain) {
    draining.on = false;
    draining.waiting.addLast(undrain.replyTo());
    protocol.undrain();
    tellDrainState();
    getContext().getLog().info("the device takes requests again");
    return this;
  }

  private Behavior<Command> onSetPauses(SetPauses set) {
    pauses.hear(set.pauses(), set.replyTo());
    pauses.applyTo(core, device());
    return goOn();
  }

  private Behavior<Command> onAwaitPauses(AwaitPauses await) {
    pauses.await();
    pauses.applyTo(core, device());
    return this;
  }

  /** Name of the device; empty before it was open for the first time. */
  private String device() {
    return info == null ? "" : identity.device(info);
  }

  private DrainState drainState() {
    return new DrainState(draining.on, held());
  }

  private int held() {
    return core.stats().entries();
  }

  private void tellDrainState() {
    draining.waiting.forEach(asker -> asker.tell(drainState()));
    draining.waiting.clear();
  }

  /** The owner may come to life elsewhere and ask for what is here. */
  private Behavior<Command> onOwnerGone(OwnerGone gone) {
    if (protocol.isOwner(gone.requestId(), gone.owner())) {
      timers.startSingleTimer(
          gone.requestId(),
          new OrphanDue(gone.requestId(), gone.owner()),
          patience.orphanTimeout());
    }
    return this;
  }

  private Behavior<Command> onOrphanDue(OrphanDue due) {
    if (protocol.orphaned(due.requestId(), due.owner())) {
      getContext()
          .getLog()
          .warn("request {} lost its owner and nobody came for it", due.requestId());
    }
    return goOn();
  }

  private Behavior<Command> onDeviceUp(DeviceUp up) {
    generation = up.generation();
    info = up.info();
    meter.deviceOpened();
    core.mayDraft(info.verifiesDrafts());
    pauses.applyTo(core, device());
    getContext()
        .getLog()
        .debug("device {} {} is open", up.info().backend(), up.info().instructionSet());
    return goOn();
  }

  private Behavior<Command> onDeviceDown(DeviceDown down) {
    if (down.generation() != generation) {
      return this;
    }
    generation = 0;
    protocol.deviceLost();
    return goOn();
  }

  /**
   * This scheduler failed and begins anew with a new device: the owners admit their requests again.
   */
  private Behavior<Command> onRestart() {
    telemetry.deviceError();
    protocol.failed();
    return this;
  }

  private Behavior<Command> onRepeatOverdue() {
    protocol.repeatOverdue(nanoTime.getAsLong(), patience.repeatAfter().toNanos());
    return goOn();
  }

  private Behavior<Command> onTellTenants() {
    telemetry.tenants(device(), core.tenants());
    if (info != null) {
      telemetry.device(meter.reading(device(), core, nanoTime.getAsLong()));
    }
    return this;
  }

  private Behavior<Command> onDescribe(Describe describe) {
    if (generation != 0) {
      describe
          .replyTo()
          .tell(new DeviceDirectory.Answer(getContext().getSelf(), status(), describe.question()));
    }
    return this;
  }

  private DeviceStatus status() {
    SchedulingStats stats = core.stats();
    int blockTokens = info.config().blockTokens();
    return new DeviceStatus(
        identity.device(info),
        identity.model(),
        info.numericsVersion(),
        info.backendName(),
        info.config().maxContext(),
        (long) info.config().kvBlocks() * blockTokens,
        new DeviceStatus.Load(
            core.outstandingTokens(),
            stats.queued(),
            stats.running(),
            limits.maxSlots() - stats.slotsInUse(),
            (long) (stats.kvBlocksTotal() - stats.kvBlocksUsed()) * blockTokens,
            meter.tokensPerSecond()),
        protocol.isDraining(),
        core.isHeld());
  }

  private Behavior<Command> onAskPending(AskPending ask) {
    Optional<PendingReason> reason = core.pendingReason(ask.requestId(), nanoTime.getAsLong());
    ask.replyTo()
        .tell(
            new RequestActor.Pending(
                ask.requestId(),
                reason.map(r -> r.code().name().toLowerCase(Locale.ROOT)).orElse(""),
                reason.map(PendingReason::text).orElse("")));
    return this;
  }

  private Behavior<Command> onGetStats(GetStats get) {
    get.replyTo().tell(core.stats());
    return this;
  }

  /** What may have become possible: a step first, then what is to be handed out. */
  private Behavior<Command> goOn() {
    if (generation != 0) {
      Optional<StepPlan> plan = core.plan(nanoTime.getAsLong());
      while (plan.isPresent()) {
        device.tell(new GpuActor.Run(generation, plan.get()));
        plan = core.plan(nanoTime.getAsLong());
      }
      List<Integer> frees = core.takeFrees();
      if (!frees.isEmpty()) {
        device.tell(new GpuActor.Free(generation, frees));
      }
    }
    protocol.deliver(nanoTime.getAsLong());
    meter.stands(core.stats());
    pauses.confirm(core, getContext().getSelf());
    if (!draining.waiting.isEmpty() && protocol.isEmpty()) {
      tellDrainState();
    }
    return this;
  }
}
