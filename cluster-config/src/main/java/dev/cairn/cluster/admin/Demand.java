package dev.cairn.cluster.admin;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.TreeMap;

/**
 * What one model's requests demand, and how many devices would serve them.
 *
 * @param model its name
 * @param modelFingerprint identifies its file
 * @param devices that serve it and answer
 * @param queueTokens tokens that unfinished requests may still need, those with no device among
 *     them
 * @param tokensPerSecond what the devices computed lately, together; empty before the first step
 * @param kvTokens tokens whose keys and values the devices have room for
 * @param kvTokensFree those that no sequence uses
 * @param running sequences that take part in steps
 * @param queued sequences that wait for a place on their device
 * @param unplaced requests that are with no device
 * @param suggestedDevices how many devices a scaler should have
 * @param reason why, in a sentence
 */
public record Demand(
    String model,
    String modelFingerprint,
    int devices,
    long queueTokens,
    OptionalDouble tokensPerSecond,
    long kvTokens,
    long kvTokensFree,
    int running,
    int queued,
    int unplaced,
    int suggestedDevices,
    String reason) {
  /**
   * What a scaler aims at.
   *
   * @param seconds within which what waits is to be worked off
   * @param minDevices fewest devices that are suggested
   * @param maxDevices most
   */
  public record Aim(double seconds, int minDevices, int maxDevices) {}

  /** Adds up what is known of one model. */
  private static final class Sum {
    private final String fingerprint;
    private String model = "";
    private int devices;
    private int measured;
    private long queueTokens;
    private double rate;
    private long kvTokens;
    private long kvTokensUsed;
    private int running;
    private int queued;
    private int unplaced;

    Sum(String fingerprint) {
      this.fingerprint = fingerprint;
    }

    void add(DeviceRow device) {
      if (device.answers() && !device.draining()) {
        devices++;
        if (device.tokensPerSecond().isPresent()) {
          measured++;
          rate += device.tokensPerSecond().getAsDouble();
        }
      }
      queueTokens += device.queuedTokens();
    }

    void add(OwnDevice device) {
      model = device.model();
      kvTokens += device.kvTokens();
      kvTokensUsed += device.kvTokensUsed();
      running += device.running();
      queued += device.queued();
    }

    void add(Waiting waiting) {
      model = waiting.model();
      unplaced += waiting.requests();
      queueTokens += waiting.tokens();
    }

    Demand demand(Aim aim) {
      int wanted = wanted(aim);
      int suggested = Math.max(aim.minDevices(), Math.min(aim.maxDevices(), wanted));
      String bounds =
          suggested == wanted
              ? ""
              : String.format(
                  Locale.ROOT,
                  "; %d to %d are allowed (cairn.admin.demand)",
                  aim.minDevices(),
                  aim.maxDevices());
      return new Demand(
          model,
          fingerprint,
          devices,
          queueTokens,
          measured == 0 ? OptionalDouble.empty() : OptionalDouble.of(rate),
          kvTokens,
          kvTokens - kvTokensUsed,
          running,
          queued,
          unplaced,
          suggested,
          reason(aim) + bounds);
    }

    private int wanted(Aim aim) {
      if (queueTokens == 0) {
        return 0;
      }
      if (measured == 0 || rate <= 0) {
        return Math.max(1, devices);
      }
      double needed = Math.ceil(queueTokens / (rate / measured * aim.seconds()));
      return (int) Math.min(Integer.MAX_VALUE, needed);
    }

    private String reason(Aim aim) {
      if (queueTokens == 0) {
        return "nothing waits and nothing runs";
      }
      if (measured == 0 || rate <= 0) {
        return queueTokens + " tokens may be needed, and no device has computed any yet";
      }
      return String.format(
          Locale.ROOT,
          "%d tokens may be needed, %.0f a second come from each of %d devices, and %.0f seconds are"
              + " the aim",
          queueTokens,
          rate / measured,
          devices,
          aim.seconds());
    }
  }

  /** The demand of each model, in the order of their names, from what the nodes say. */
  public static List<Demand> of(List<NodeReport> reports, Aim aim) {
    Map<String, Sum> models = new TreeMap<>();
    for (DeviceRow device : devices(reports)) {
      models.computeIfAbsent(device.modelFingerprint(), Sum::new).add(device);
    }
    for (NodeReport report : reports) {
      report
          .device()
          .ifPresent(own -> models.computeIfAbsent(own.modelFingerprint(), Sum::new).add(own));
      report
          .waiting()
          .forEach(each -> models.computeIfAbsent(each.modelFingerprint(), Sum::new).add(each));
    }
    return models.values().stream()
        .map(sum -> sum.demand(aim))
        .sorted(Comparator.comparing(Demand::model))
        .toList();
  }

  /** Every device once; where gateways disagree the one that hears of it is believed. */
  public static List<DeviceRow> devices(List<NodeReport> reports) {
    Map<String, DeviceRow> devices = new HashMap<>();
    for (NodeReport report : reports) {
      for (DeviceRow device : report.devices()) {
        devices.merge(device.name(), device, (a, b) -> a.answers() || !b.answers() ? a : b);
      }
    }
    List<DeviceRow> all = new ArrayList<>(devices.values());
    all.sort(Comparator.comparing(DeviceRow::name));
    return all;
  }
}
