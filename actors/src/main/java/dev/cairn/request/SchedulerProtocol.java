package dev.cairn.request;

import dev.cairn.persistence.Band;
import dev.cairn.scheduling.Admission;
import dev.cairn.scheduling.Handover;
import dev.cairn.scheduling.SchedulingCore;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * How the scheduler of a device treats the owners of the requests that are on it: who they are, why
 * requests leave, and how the device is emptied. Pure, as the {@link SchedulingCore} that it stands
 * before; the caller makes messages of what it tells {@link Owners}.
 *
 * @param <O> what stands for an owner
 */
public final class SchedulerProtocol<O> {
  /** What owners are told. */
  public interface Owners<O> {
    /** Tokens of a request, to be committed. */
    void generated(O owner, Handover handover);

    /** Nothing of an epoch is here any more, as was asked for. */
    void released(O owner, int epoch, LetGo why);

    /** The device lost an epoch. */
    void lost(O owner, int epoch);

    /** An epoch's slot went to others; it has to be admitted again. */
    void evicted(O owner, int epoch);

    /** An epoch had better run on another device. */
    void move(O owner, int epoch);

    /** An epoch goes on here for this owner. */
    void adopted(O owner, int epoch);

    /** Nothing of an epoch is here. */
    void notHeld(O owner, int epoch);

    /** From now on it matters whether the owner lives. */
    void watch(String requestId, O owner);

    /** The owner no longer matters to this request. */
    void unwatch(String requestId, O owner);
  }

  private record Owned<O>(int epoch, O owner) {}

  private final SchedulingCore core;
  private final Owners<O> owners;
  private final Map<String, Owned<O>> owned = new HashMap<>();

  /** Why requests that a step still holds are to leave. */
  private final Map<String, LetGo> leaving = new HashMap<>();

  private boolean draining;

  public SchedulerProtocol(SchedulingCore core, Owners<O> owners) {
    this.core = core;
    this.owners = owners;
  }

  /** Runs a request for its owner; while the device is being emptied it has to go elsewhere. */
  public void admit(Admission admission, O owner, long nowNanos) {
    if (draining && !owned.containsKey(admission.requestId())) {
      owners.released(owner, admission.epoch(), LetGo.MOVE);
    } else if (core.admit(admission, nowNanos)) {
      own(admission.requestId(), admission.epoch(), owner);
    }
  }

  /** The owner committed its tokens up to an index. */
  public void committed(String requestId, int epoch, int nextIndex, long nowNanos) {
    if (core.committed(requestId, epoch, nextIndex, nowNanos)) {
      forget(requestId, epoch);
    }
  }

  /** The owner ended the request itself, or runs it elsewhere. */
  public void release(String requestId, int epoch) {
    core.release(requestId, epoch);
    forget(requestId, epoch);
  }

  /** The owner has the request let go of; it is told when no step holds it. */
  public void leave(String requestId, int epoch, LetGo why, O owner) {
    List<String> fall = core.cancel(requestId, epoch);
    fall.forEach(each -> leaving.merge(each, why, LetGo::or));
    if (fall.isEmpty()) {
      owners.released(owner, epoch, why);
    }
  }

  /** Lets go of whatever epoch is here; its owner is told. */
  public void leaveNow(String requestId, LetGo why) {
    core.cancel(requestId, Integer.MAX_VALUE).forEach(each -> leaving.merge(each, why, LetGo::or));
  }

  /** An owner, perhaps a new one, asks whether its epoch is here, in the band it has now. */
  public void adopt(String requestId, int epoch, int nextIndex, Band band, O owner, long nowNanos) {
    if (core.adopt(requestId, epoch, nextIndex, nowNanos)) {
      core.prioritize(requestId, epoch, band);
      own(requestId, epoch, owner);
      owners.adopted(owner, epoch);
    } else {
      forget(requestId, epoch);
      owners.notHeld(owner, epoch);
    }
  }

  /** A request's urgency changed. */
  public void prioritize(String requestId, int epoch, Band band) {
    core.prioritize(requestId, epoch, band);
  }

  /** Whether this is the owner of a request that is here. */
  public boolean isOwner(String requestId, O owner) {
    Owned<O> known = owned.get(requestId);
    return known != null && known.owner().equals(owner);
  }

  /** Nobody came for a request whose owner is gone; returns whether it was still here. */
  public boolean orphaned(String requestId, O owner) {
    if (!isOwner(requestId, owner)) {
      return false;
    }
    release(requestId, owned.get(requestId).epoch());
    return true;
  }

  /** The device lost what was on it. */
  public void deviceLost() {
    for (SchedulingCore.Released each : core.deviceLost()) {
      Owned<O> known = owned.get(each.requestId());
      forget(each.requestId(), each.epoch());
      owners.lost(known.owner(), each.epoch());
    }
  }

  /** This scheduler is about to forget everything. */
  public void failed() {
    owned.values().forEach(known -> owners.lost(known.owner(), known.epoch()));
  }

  /** Takes no more requests, and asks those that are here to go elsewhere. */
  public void drain() {
    draining = true;
    askToMove();
  }

  /** Takes requests again. */
  public void undrain() {
    draining = false;
  }

  public boolean isDraining() {
    return draining;
  }

  /** Whether nothing of any request is here. */
  public boolean isEmpty() {
    return owned.isEmpty() && leaving.isEmpty() && core.stats().entries() == 0;
  }

  /** Owners of requests that are here, and requests that a step still holds. */
  public int held() {
    return owned.size() + leaving.size();
  }

  /** Says again what owners have not answered for so long. */
  public void repeatOverdue(long nowNanos, long patienceNanos) {
    core.repeatOverdue(nowNanos, patienceNanos);
    if (draining) {
      askToMove();
    }
  }

  private void askToMove() {
    owned.forEach(
        (requestId, known) -> {
          if (core.generates(requestId, known.epoch())) {
            owners.move(known.owner(), known.epoch());
          }
        });
  }

  /** Tells owners what has come of their requests; to be called after anything else. */
  public void deliver(long nowNanos) {
    for (Handover handover : core.handOvers(nowNanos)) {
      owners.generated(owned.get(handover.requestId()).owner(), handover);
    }
    for (SchedulingCore.Released each : core.takeEvicted()) {
      Owned<O> known = owned.get(each.requestId());
      forget(each.requestId(), each.epoch());
      owners.evicted(known.owner(), each.epoch());
    }
    List<SchedulingCore.Released> released = core.takeReleased();
    for (SchedulingCore.Released each : released) {
      Owned<O> known = owned.get(each.requestId());
      Optional<LetGo> why = Optional.ofNullable(leaving.remove(each.requestId()));
      if (known != null && known.epoch() == each.epoch()) {
        forget(each.requestId(), each.epoch());
        owners.released(known.owner(), each.epoch(), why.orElseThrow());
      }
    }
  }

  private void forget(String requestId, int epoch) {
    Owned<O> known = owned.get(requestId);
    if (known != null && known.epoch() == epoch) {
      owned.remove(requestId);
      owners.unwatch(requestId, known.owner());
    }
  }

  private void own(String requestId, int epoch, O owner) {
    Owned<O> before = owned.put(requestId, new Owned<>(epoch, owner));
    if (before == null || !before.owner().equals(owner)) {
      if (before != null) {
        owners.unwatch(requestId, before.owner());
      }
      owners.watch(requestId, owner);
    }
  }
}
