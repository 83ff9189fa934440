package dev.cairn.cluster.admin;

/**
 * A node's own devices together, where their schedulers stand.
 *
 * @param model name of the model
 * @param modelFingerprint identifies its file
 * @param queued sequences that wait
 * @param running sequences that take part in steps
 * @param slotsUsed slots that are taken
 * @param slots slots there are
 * @param kvTokens tokens whose keys and values it has room for
 * @param kvTokensUsed those that sequences use
 * @param kvTokensCached those that no sequence uses and a later one may share
 */
public record OwnDevice(
    String model,
    String modelFingerprint,
    int queued,
    int running,
    int slotsUsed,
    int slots,
    long kvTokens,
    long kvTokensUsed,
    long kvTokensCached) {}
