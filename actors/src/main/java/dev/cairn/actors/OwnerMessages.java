package dev.cairn.actors;

import dev.cairn.request.LetGo;
import dev.cairn.request.SchedulerProtocol;
import dev.cairn.scheduling.Handover;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;

/**
 * What a scheduler tells the owners of its requests, as messages, and how it hears of their end.
 */
final class OwnerMessages implements SchedulerProtocol.Owners<ActorRef<RequestActor.Command>> {
  private final ActorContext<SchedulerActor.Command> context;
  private final TimerScheduler<SchedulerActor.Command> timers;

  /**
   * @param timers the scheduler's, which wait for owners by request
   */
  OwnerMessages(
      ActorContext<SchedulerActor.Command> context, TimerScheduler<SchedulerActor.Command> timers) {
    this.context = context;
    this.timers = timers;
  }

  @Override
  public void generated(ActorRef<RequestActor.Command> owner, Handover handover) {
    owner.tell(new RequestActor.Generated(handover, context.getSelf()));
  }

  @Override
  public void released(ActorRef<RequestActor.Command> owner, int epoch, LetGo why) {
    owner.tell(new RequestActor.Released(epoch, why));
  }

  @Override
  public void lost(ActorRef<RequestActor.Command> owner, int epoch) {
    owner.tell(new RequestActor.DeviceLost(epoch));
  }

  @Override
  public void evicted(ActorRef<RequestActor.Command> owner, int epoch) {
    owner.tell(new RequestActor.Evicted(epoch));
  }

  @Override
  public void move(ActorRef<RequestActor.Command> owner, int epoch) {
    owner.tell(new RequestActor.Move(epoch, context.getSelf()));
  }

  @Override
  public void adopted(ActorRef<RequestActor.Command> owner, int epoch) {
    owner.tell(new RequestActor.Adopted(epoch));
  }

  @Override
  public void notHeld(ActorRef<RequestActor.Command> owner, int epoch) {
    owner.tell(new RequestActor.NotHeld(epoch));
  }

  @Override
  public void watch(String requestId, ActorRef<RequestActor.Command> owner) {
    timers.cancel(requestId);
    context.watchWith(owner, new SchedulerActor.OwnerGone(requestId, owner));
  }

  @Override
  public void unwatch(String requestId, ActorRef<RequestActor.Command> owner) {
    timers.cancel(requestId);
    context.unwatch(owner);
  }
}
