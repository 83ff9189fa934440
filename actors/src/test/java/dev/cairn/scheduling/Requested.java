package dev.cairn.scheduling;

import dev.cairn.model.Sampling;
import dev.cairn.persistence.Band;

/** An admission in the making, for tests: everything at its default until it is named. */
record Requested(
    String id,
    int epoch,
    Band band,
    String tenant,
    int depth,
    long rootAt,
    long at,
    String session,
    String group,
    int groupSize,
    int[] prompt,
    int maxTokens,
    double weight) {
  static Requested of(String id) {
    return new Requested(
        id,
        1,
        Band.INTERACTIVE,
        "",
        0,
        1000,
        1000,
        "",
        "",
        1,
        CoreDriver.prompt(id.hashCode(), 5),
        6,
        0);
  }

  Requested band(Band value) {
    return with(
        epoch, value, tenant, depth, rootAt, at, session, group, groupSize, prompt, maxTokens);
  }

  Requested epoch(int value) {
    return with(
        value, band, tenant, depth, rootAt, at, session, group, groupSize, prompt, maxTokens);
  }

  Requested tenant(String value) {
    return with(
        epoch, band, value, depth, rootAt, at, session, group, groupSize, prompt, maxTokens);
  }

  /** Submitted at this moment, as the root of a tree. */
  Requested at(long value) {
    return with(epoch, band, tenant, 0, value, value, session, group, groupSize, prompt, maxTokens);
  }

  Requested below(Requested parent, long at) {
    return with(
        epoch,
        band,
        parent.tenant,
        parent.depth + 1,
        parent.rootAt,
        at,
        session,
        group,
        groupSize,
        prompt,
        maxTokens);
  }

  Requested session(String value) {
    return with(epoch, band, tenant, depth, rootAt, at, value, group, groupSize, prompt, maxTokens);
  }

  Requested group(String value, int size) {
    return with(epoch, band, tenant, depth, rootAt, at, session, value, size, prompt, maxTokens);
  }

  Requested prompt(int... value) {
    return with(
        epoch, band, tenant, depth, rootAt, at, session, group, groupSize, value, maxTokens);
  }

  Requested tokens(int promptLength, int most) {
    int[] tokens = CoreDriver.prompt(id.hashCode(), promptLength);
    return with(epoch, band, tenant, depth, rootAt, at, session, group, groupSize, tokens, most);
  }

  /** As a key of its tenant says. */
  Requested weight(double value) {
    return new Requested(
        id, epoch, band, tenant, depth, rootAt, at, session, group, groupSize, prompt, maxTokens,
        value);
  }

  private Requested with(
      int newEpoch,
      Band newBand,
      String newTenant,
      int newDepth,
      long newRootAt,
      long newAt,
      String newSession,
      String newGroup,
      int newSize,
      int[] newPrompt,
      int newMost) {
    return new Requested(
        id,
        newEpoch,
        newBand,
        newTenant,
        newDepth,
        newRootAt,
        newAt,
        newSession,
        newGroup,
        newSize,
        newPrompt,
        newMost,
        weight);
  }

  Admission admission() {
    return new Admission(
        id,
        epoch,
        new Standing(band, tenant, depth, rootAt, session, group, groupSize, weight),
        at,
        prompt,
        prompt.length,
        maxTokens,
        Sampling.GREEDY,
        7,
        true,
        -1,
        false,
        tenant);
  }
}
