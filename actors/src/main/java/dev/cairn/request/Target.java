package dev.cairn.request;

/**
 * A device that can run a request.
 *
 * @param device its name, for the journal
 * @param numericsVersion its numerics version, for the journal
 * @param scheduler how to reach its scheduler
 * @param <D> what stands for a scheduler
 */
public record Target<D>(String device, String numericsVersion, D scheduler) {}
